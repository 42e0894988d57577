"""An import on the command line: progress bar, summary, exit code. Shared by every room that imports files."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.core.errors import DomainError
from yundian.platform.core.settings import Settings
from yundian.platform.db.database import Database, Tx
from yundian.platform.intake import mapping as mappings
from yundian.platform.intake import service
from yundian.platform.intake.types import ImportKind, RunSummary
from yundian.platform.intake.types import Progress as Step

ALL_IN = 0
UNUSABLE = 2
SOME_QUARANTINED = 3


BrandChooser = Callable[[AsyncSession, str | None], Awaitable[uuid.UUID]]
Check = Callable[[Tx], Awaitable[object]]

# What every ``yundian import`` command takes.
FileArgument = Annotated[Path, typer.Argument(help="The file: CSV, JSON or JSON lines, also as .gz.")]
MapOption = Annotated[Path, typer.Option("--map", help="The mapping (TOML): which column is which field.")]
BrandOption = Annotated[str | None, typer.Option(help="Code of the brand; not needed when there is only one.")]
JsonOption = Annotated[bool, typer.Option("--json", help="For machines.")]


def import_group() -> typer.Typer:
    """A group ``import``; the command line makes one of those of all rooms."""
    group = typer.Typer(name="import", help="Bring in lists from other systems.", no_args_is_help=True)
    # With a callback Typer keeps the name of a group that has a single command.
    group.callback()(lambda: None)
    return group


def run_command(
    settings: Settings,
    *,
    kind: ImportKind[Any],
    file: Path,
    map_file: Path,
    brand: str | None,
    choose_brand: BrandChooser,
    as_json: bool,
    before: Check | None = None,
) -> int:
    """Import and report. The exit code: 0 all in, 3 some quarantined, 2 nothing (more) could be used.

    ``before`` may refuse, with a ``DomainError``, before the file is read.
    """
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("[bold]{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[read]} records, {task.fields[quarantined]} quarantined"),
        TimeRemainingColumn(),
        console=console,
        disable=as_json or not console.is_terminal,
    )
    work = _run(
        settings,
        kind=kind,
        file=file,
        map_file=map_file,
        brand=brand,
        choose_brand=choose_brand,
        before=before,
        bar=bar,
    )
    try:
        with bar:
            summary = asyncio.run(work)
    except DomainError as error:
        show_refusal(error, as_json=as_json)
        return UNUSABLE
    if as_json:
        Console().out(msgspec.json.encode(summary).decode(), highlight=False)
    else:
        show(summary)
    return SOME_QUARANTINED if summary.quarantined else ALL_IN


def show(summary: RunSummary) -> None:
    """The counts, and where the first quarantined records stand."""
    console = Console()
    counts = {
        "read": summary.read,
        "applied": summary.applied,
        **dict(sorted(summary.tally.items())),
        "unchanged": summary.unchanged,
        "quarantined": summary.quarantined,
        "seconds": summary.seconds,
    }
    table = Table(*counts, title=summary.file)
    table.add_row(*(str(count) for count in counts.values()))
    console.print(table)
    if summary.problems:
        broken = Table("file", "line", "column", "code", "reason", title="Quarantined")
        for p in summary.problems:
            broken.add_row(p.file, str(p.line), p.column, p.code, p.reason)
        console.print(broken)
    hidden = summary.quarantined - len(summary.problems)
    if hidden > 0:
        console.print(f"and {hidden} more on the page Imports")


def show_refusal(error: DomainError, *, as_json: bool) -> None:
    """A refusal for people on stderr, or as JSON on stdout."""
    if as_json:
        body = {"code": error.code, "title": error.title, "facts": error.facts}
        Console().out(msgspec.json.encode(body).decode(), highlight=False)
        return
    console = Console(stderr=True)
    console.print(f"[red]{error.title}[/red] ({error.code})")
    for key, value in error.facts.items():
        console.print(f"  {key}: {value}", markup=False, highlight=False)


async def _run(
    settings: Settings,
    *,
    kind: ImportKind[Any],
    file: Path,
    map_file: Path,
    brand: str | None,
    choose_brand: BrandChooser,
    before: Check | None,
    bar: Progress,
) -> RunSummary:
    mapping = mappings.load(map_file)
    task: TaskID = bar.add_task(file.name, total=None, read=0, quarantined=0)

    def on_progress(step: Step) -> None:
        bar.update(
            task,
            completed=step.bytes_read,
            total=step.bytes_total,
            read=step.read,
            quarantined=step.quarantined,
        )

    database = Database(settings)
    await database.open()
    try:
        async with database.unit_of_work(None) as session:
            brand_id = await choose_brand(session, brand)
        if before is not None:
            async with database.connection(brand_id) as tx:
                await before(tx)
        return await service.run_import(
            database, brand=brand_id, kind=kind, file=file, mapping=mapping, on_progress=on_progress
        )
    finally:
        await database.close()
