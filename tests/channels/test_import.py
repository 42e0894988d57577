"""``yundian import orders`` as an operator runs it: exit codes, what was wrong and where, deaths in the middle."""

import os
import signal
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import anyio
import msgspec
import pytest
from typer.testing import CliRunner, Result

from tests import nursery
from tests.channels.data import uci
from tests.channels.makers import make_channel, rows, state_of
from yundian.brands.types import BrandView
from yundian.channels.commands import IMPORT
from yundian.channels.service.importing import MAPPINGS
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

UCI = str(MAPPINGS / "uci_online_retail.toml")
HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"


def environment_of(services: Services) -> dict[str, str]:
    settings = services.settings
    return {
        "COLUMNS": "200",
        "DATABASE_URL": settings.database_url,
        "DATABASE_OWNER_URL": settings.database_owner_url,
        "REDIS_URL": settings.redis_url,
        "YUNDIAN_VAR_DIR": str(settings.var_dir),
    }


def killed(services: Services, arguments: Sequence[str], label: str) -> bool:
    """Run it in a process of its own, which dies at this step; whether it did."""
    environment = {"PATH": os.environ["PATH"], **environment_of(services), "YUNDIAN_TEST_DIE_AT": label}
    code, _ = nursery.run("yundian", "import", "orders", *arguments, environment=environment, seconds=300)
    return code == -signal.SIGKILL


async def called(services: Services, *arguments: str) -> Result:
    """The same command in this process, in a thread since it runs a loop of its own."""
    command = partial(CliRunner().invoke, IMPORT, ["orders", *arguments], env=environment_of(services))
    return await anyio.to_thread.run_sync(command)


def arguments_of(brand: BrandView, file: Path) -> list[str]:
    return [str(file), "--channel", "uci", "--map", UCI, "--brand", brand.code]


def invoices(path: Path, count: int) -> Path:
    """Invoices of three lines, their lines far from each other; one has a date that no calendar has."""
    lines = []
    for line in range(3):
        for number in range(count):
            sign, name = (-1, f"C{number:04d}") if number % 7 == 3 else (1, f"{number:05d}")
            day = "31" if (number, line) == (5, 2) else f"{number % 28 + 1:02d}"
            when = f"2011-02-{day} 10:{line:02d}:00"
            lines.append(f"{name},S{line},THING,{sign * (line + 1)},{when},1.005,{12_000 + number % 50}.0,France")
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


async def test_the_exit_code_and_the_summary_tell(services: Services, brand: BrandView, tmp_path: Path) -> None:
    file = invoices(tmp_path / "orders.csv", 20)
    arguments = arguments_of(brand, file)
    nowhere = await called(services, *arguments)
    assert "channels.channel_unknown" in nowhere.stderr
    await make_channel(services, brand, "uci", time_zone="Europe/London", currency="GBP")

    some = await called(services, *arguments)
    again = await called(services, *arguments, "--json")

    assert (nowhere.exit_code, some.exit_code, again.exit_code) == (2, 3, 3)
    for part in ("orders.csv", "47", "InvoiceDate", "intake.not_a_date", "2011-02-31", "refund"):
        assert part in some.stdout
    summary = msgspec.json.decode(again.stdout)
    assert (summary["read"], summary["applied"], summary["unchanged"], summary["quarantined"]) == (20, 0, 19, 1)
    # History: no event of a sale is told to anybody who would start something for it.
    backfilled = await rows(services, brand, "SELECT is_backfill FROM orders_order WHERE brand_id = $1")
    assert {row["is_backfill"] for row in backfilled} == {True}
    # Half an invoice is none.
    assert (
        await rows(services, brand, "SELECT 1 FROM orders_order WHERE brand_id = $1 AND external_id = '00005'")
        == []
    )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (HEADER.replace(",", ";") + "\n1;A;;1;2011-02-01 10:00:00;1;;France\n", "source.delimiter"),
        (HEADER.replace("Quantity,", "") + "\n", "Quantity"),
        (HEADER.encode("utf-16").decode("latin-1"), "cannot be read"),
        ("", "empty"),
    ],
    ids=["delimiter", "column", "encoding", "empty"],
)
async def test_a_file_of_another_kind_is_refused_with_what_was_found(
    services: Services, brand: BrandView, tmp_path: Path, content: str, says: str
) -> None:
    await make_channel(services, brand, "uci")
    file = tmp_path / "wrong.csv"
    file.write_text(content, encoding="utf-8", newline="")

    refused = await called(services, *arguments_of(brand, file))

    assert refused.exit_code == 2
    assert says in refused.stderr


@pytest.mark.faults
async def test_an_import_that_is_killed_again_and_again_makes_the_same_state(
    services: Services, brand: BrandView, other_brand: BrandView, tmp_path: Path
) -> None:
    file = invoices(tmp_path / "orders.csv", 200)
    for each in (brand, other_brand):
        await make_channel(services, each, "uci", time_zone="Europe/London", currency="GBP")

    for label in ("intake.chunk_kept", "channels.merged"):
        assert killed(services, arguments_of(brand, file), label)
    last = await called(services, *arguments_of(brand, file), "--json")
    await called(services, *arguments_of(other_brand, file))

    summary = msgspec.json.decode(last.stdout)
    assert (summary["is_resumed"], summary["read"], summary["quarantined"]) == (True, 200, 1)
    assert await state_of(services, brand) == await state_of(services, other_brand)


@pytest.mark.soak
@pytest.mark.faults
@pytest.mark.timeout(3_600)
async def test_the_whole_public_file_with_deaths_in_between_makes_the_same_state(
    services: Services, brand: BrandView, other_brand: BrandView
) -> None:
    for each in (brand, other_brand):
        await make_channel(services, each, "uci", time_zone="Europe/London", currency="GBP")
    labels = (
        "intake.chunk_staged:9",
        "intake.chunk_kept:9",
        "intake.batch_applied:3",
        "channels.kept:4",
        "channels.told_members:4",
        "channels.told_reports:4",
        "intake.batch_committed:4",
    )

    for label in labels:
        assert killed(services, arguments_of(brand, uci()), label), label
    for each in (brand, other_brand):
        assert (await called(services, *arguments_of(each, uci()))).exit_code == 0

    assert await state_of(services, brand) == await state_of(services, other_brand)
