"""Every invoice line of a real wholesaler: numbers and members are those that DuckDB counts from the raw file."""

import csv
import datetime as dt
import gzip
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.channels import oracle
from tests.channels.data import uci
from tests.channels.makers import make_channel, state_of
from yundian.brands.types import BrandView
from yundian.platform.db.services import Services
from yundian.platform.intake import gathering
from yundian.platform.intake.types import RunSummary
from yundian.reports.types import By

pytestmark = pytest.mark.anyio

CUTS = (By.DAY, By.MONTH, By.CHANNEL, By.COUNTRY)


async def open_channel(services: Services, brand: BrandView) -> None:
    await make_channel(services, brand, "uci", time_zone="Europe/London", currency="GBP")


async def load(services: Services, brand: BrandView, file: Path) -> RunSummary:
    return await oracle.load(services, brand, file, channel="uci", mapping="uci_online_retail")


def lines_of(file: Path) -> tuple[str, list[str]]:
    with gzip.open(file, "rt", encoding="utf-8", newline="") as stream:
        header, *lines = stream.read().splitlines(keepends=True)
    return header, lines


def write(path: Path, header: str, lines: Sequence[str]) -> Path:
    path.write_text(header + "".join(lines), encoding="utf-8", newline="")
    return path


def days_of(lines: Sequence[str]) -> Iterator[list[str]]:
    """The lines of whole invoices, by the day of their first line."""
    day_of: dict[str, str] = {}
    days: dict[str, list[str]] = {}
    for line in lines:
        row = next(csv.reader([line]))
        days.setdefault(day_of.setdefault(row[0], row[4][:10]), []).append(line)
    yield from days.values()


async def test_the_first_days_equal_an_independent_count_in_whatever_order_and_pieces_they_come(
    services: Services, brand: BrandView, other_brand: BrandView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header, lines = lines_of(uci())
    # The first week: credit notes of things sold before, walk-ins, stock written off, several countries.
    lines = [line for line in lines[:25_000] if ",2010-12-0" in line and ",2010-12-08" not in line]
    file = write(tmp_path / "week.csv", header, lines)
    for each in (brand, other_brand):
        await open_channel(services, each)

    summary = await load(services, brand, file)

    told = oracle.of_uci(file)
    assert summary.tally == told.kinds()
    assert (summary.read, summary.quarantined) == (sum(told.kinds().values()), 0)
    await oracle.check(services, brand, told, *CUTS)
    await oracle.check_members(services, brand, told, dt.date(2010, 12, 4))
    await oracle.check_members(services, brand, told, dt.date(2011, 1, 1))
    state = await state_of(services, brand)

    # Backwards, in pieces of a day, the lines of each shuffled and staged in small chunks.
    monkeypatch.setattr(gathering, "CHUNK_RECORDS", 500)
    for number, piece in enumerate(reversed(list(days_of(lines)))):
        random.Random(number).shuffle(piece)
        await load(services, other_brand, write(tmp_path / f"{number}.csv", header, piece))
    assert await state_of(services, other_brand) == state


@pytest.mark.soak
@pytest.mark.timeout(1_800)
async def test_the_whole_file_equals_an_independent_count_and_changes_nothing_the_second_time(
    services: Services, brand: BrandView
) -> None:
    file = uci()
    await open_channel(services, brand)

    summary = await load(services, brand, file)

    told = oracle.of_uci(file)
    assert summary.tally == told.kinds() == {"sale": 20_725, "refund": 3_836, "adjustment": 3, "ignored": 1_336}
    await oracle.check(services, brand, told, *CUTS)
    for as_of in (dt.date(2011, 1, 1), dt.date(2011, 7, 1), dt.date(2011, 12, 10)):
        await oracle.check_members(services, brand, told, as_of)
    state = await state_of(services, brand)
    again = await load(services, brand, file)
    assert (again.applied, again.unchanged) == (0, 25_900)
    assert await state_of(services, brand) == state


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("order", ["reversed", "shuffled", "days"])
async def test_the_whole_file_in_another_order_makes_the_same_state(
    services: Services, brand: BrandView, other_brand: BrandView, tmp_path: Path, order: str
) -> None:
    header, lines = lines_of(uci())
    pieces = [lines]
    if order == "reversed":
        lines.reverse()
    elif order == "shuffled":
        random.Random(1).shuffle(lines)
    else:
        pieces = list(days_of(lines))
        random.Random(2).shuffle(pieces)
    for each in (brand, other_brand):
        await open_channel(services, each)
    await load(services, brand, uci())

    for number, piece in enumerate(pieces):
        await load(services, other_brand, write(tmp_path / f"{number}.csv", header, piece))

    assert await state_of(services, other_brand) == await state_of(services, brand)
