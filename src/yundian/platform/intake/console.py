"""An import on the command line: progress bar, summary, exit code. Shared by every room that imports files."""

import asyncio
import inspect
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
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


@dataclass(frozen=True, kw_only=True)
class Import:
    """What a command brings in; ``before`` may refuse, with a ``DomainError``, before the file is read."""

    kind: ImportKind[Any]
    before: Check | None = None


Declared = Callable[..., Import]


def import_command(group: typer.Typer, name: str, *, choose_brand: BrandChooser) -> Callable[[Declared], Declared]:
    """Add a command to a room's group. The function below it says what to import; its docstring is the help, and
    what it takes are options of that import alone, beside those of every import."""

    def add(declare: Declared) -> Declared:
        def command(
            file: FileArgument,
            map_file: MapOption,
            brand: BrandOption = None,
            as_json: JsonOption = False,
            **own: Any,
        ) -> None:
            what = declare(**own)
            code = run_command(
                Settings(),
                what,
                file=file,
                map_file=map_file,
                brand=brand,
                choose_brand=choose_brand,
                as_json=as_json,
            )
            raise typer.Exit(code)

        command.__doc__ = declare.__doc__
        vars(command)["__signature__"] = _joined(inspect.signature(command), inspect.signature(declare))
        group.command(name)(command)
        return declare

    return add


def _joined(every: inspect.Signature, own: inspect.Signature) -> inspect.Signature:
    """The order of ``--help``: the file, what must be said, what may be said, and how to answer at the end."""
    file, map_file, brand, as_json, _rest = every.parameters.values()
    needed = [one for one in own.parameters.values() if one.default is one.empty]
    optional = [one for one in own.parameters.values() if one.default is not one.empty]
    return inspect.Signature([file, *needed, map_file, brand, *optional, as_json])


def run_command(
    settings: Settings,
    what: Import,
    *,
    file: Path,
    map_file: Path,
    brand: str | None,
    choose_brand: BrandChooser,
    as_json: bool,
) -> int:
    """Import and report. The exit code: 0 all in, 3 some quarantined, 2 nothing (more) could be used."""
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
    work = _run(settings, what, file=file, map_file=map_file, brand=brand, choose_brand=choose_brand, bar=bar)
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
    what: Import,
    *,
    file: Path,
    map_file: Path,
    brand: str | None,
    choose_brand: BrandChooser,
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
        if what.before is not None:
            async with database.connection(brand_id) as tx:
                await what.before(tx)
        return await service.run_import(
            database, brand=brand_id, kind=what.kind, file=file, mapping=mapping, on_progress=on_progress
        )
    finally:
        await database.close()
