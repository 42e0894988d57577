"""Records anywhere in a file become whole documents; what is broken costs its document, and nothing else."""

import gzip
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from yundian.brands.types import BrandView
from yundian.platform.db.database import Tx
from yundian.platform.db.services import Services
from yundian.platform.intake import gathering, lines, quarantine, service
from yundian.platform.intake.errors import RunTaken, UnusableFile
from yundian.platform.intake.mapping import parse
from yundian.platform.intake.types import Applied, ImportKind, Origin, RunSummary

pytestmark = pytest.mark.anyio

MAPPING = """
kind = "test.receipts"
name = "receipts"
[document]
by = ["no"]
[values]
quantity = { column = "qty", type = "integer", required = true }
price = { column = "price", type = "decimal" }
amount = { value = "quantity * price", type = "integer", scale = 2, rounding = "half_up" }
[fields]
total_minor = "sum(amount)"
[fields.number]
column = "no"
[fields.lines]
type = "rows"
[fields.lines.fields]
sku = { column = "sku" }
quantity = "quantity"
"""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    sku: str
    quantity: int


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    number: str
    total_minor: int
    lines: list[Line]


class Till:
    """A room that remembers what it was given; ``dies_after`` some batches."""

    def __init__(self, *, scope: str = "", dies_after: int | None = None, batch: int = 1_000) -> None:
        self.taken: dict[str, Receipt] = {}
        self.raws: dict[str, str] = {}
        self.batches = 0
        self.dies_after = dies_after
        self.kind = ImportKind("test.receipts", Receipt, None, self.apply, scope=scope, batch=batch)

    async def apply(self, tx: Tx, origin: Origin, records: Sequence[Receipt]) -> Applied:
        if self.batches == self.dies_after:
            raise ConnectionError("gone")
        self.batches += 1
        for record, place in zip(records, origin.places, strict=True):
            assert record.number not in self.taken
            self.taken[record.number] = record
            self.raws[record.number] = place.raw
        return Applied(applied=len(records), tally={"lines": sum(len(record.lines) for record in records)})


def receipts(count: int, *, lines: int = 3) -> list[str]:
    return [f"R{n:04d},S{line},{line + 1},0.125" for n in range(count) for line in range(lines)]


def file_of(tmp_path: Path, rows: Sequence[str], name: str = "file.csv") -> Path:
    file = tmp_path / name
    file.write_text("\n".join(["no,sku,qty,price", *rows]) + "\n")
    return file


async def load(services: Services, brand: BrandView, till: Till, file: Path, **kwargs: Any) -> RunSummary:
    mapping = parse(kwargs.pop("mapping", MAPPING), file="m.toml")
    return await service.run_import(
        services.database, brand=brand.id, kind=till.kind, file=file, mapping=mapping, **kwargs
    )


def counts(summary: RunSummary) -> tuple[int, int, int, int]:
    return summary.read, summary.applied, summary.unchanged, summary.quarantined


async def test_the_order_of_the_lines_is_of_no_account(
    services: Services, brand: BrandView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "CHUNK_RECORDS", 7)
    rows = receipts(20)
    shuffled = random.Random(5).sample(rows, len(rows))
    taken = []
    for order in (rows, rows[::-1], shuffled):
        till = Till(batch=3)
        summary = await load(services, brand, till, file_of(tmp_path, order))
        assert counts(summary) == (20, 20, 0, 0)
        assert summary.tally == {"lines": 60}
        taken.append((till.taken, till.raws))

    assert taken[0] == taken[1] == taken[2]
    one = taken[0][0]["R0000"]
    # 0.125 + 0.25 + 0.375, each line rounded once, away from zero.
    assert (one.total_minor, [line.sku for line in one.lines]) == (13 + 25 + 38, ["S0", "S1", "S2"])
    async with services.database.connection(brand.id) as tx:
        assert await tx.fetchval("SELECT count(*) FROM intake_staged") == 0


async def test_one_broken_line_holds_its_whole_document_back(
    services: Services, brand: BrandView, tmp_path: Path
) -> None:
    rows = receipts(6, lines=2)
    rows[2] = "R0001,S0,two,0.125"
    rows[5] = "R0002,S1,2"
    rows[6] = 'R0003,"S0,1,0.125'
    rows[8] = ",S0,1,0.125"
    till = Till()

    summary = await load(services, brand, till, file_of(tmp_path, rows))

    assert sorted(till.taken) == ["R0000", "R0004", "R0005"]
    assert [(p.line, p.column, p.code) for p in sorted(summary.problems, key=lambda p: p.line)] == [
        (4, "qty", "intake.not_a_number"),
        (7, "", "intake.wrong_number_of_columns"),
        (8, "", "intake.broken_quotes"),
        (10, "no", "intake.no_document"),
    ]
    assert counts(summary) == (7, 3, 0, 4)
    async with services.database.unit_of_work(brand.id) as session:
        page = await quarantine.list_quarantine(session, brand_id=brand.id, kind="test.receipts")
    held = {row.line: row for row in page.items}
    assert held[4].raw == "R0001,S0,two,0.125\nR0001,S1,2,0.125"
    assert held[4].source is not None
    assert held[4].source["4"]["qty"] == "two"
    async with services.database.connection(brand.id) as tx:
        still = await quarantine.replay(tx, kind=till.kind, quarantine_id=held[4].id, corrections={"5.qty": "9"})
        assert still is not None
        gone = await quarantine.replay(tx, kind=till.kind, quarantine_id=held[4].id, corrections={"4.qty": "1"})
        assert gone is None
    assert till.taken["R0001"].total_minor == 13 + 113


async def test_an_import_goes_on_with_the_next_record_and_the_next_document(
    services: Services, brand: BrandView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "CHUNK_RECORDS", 10)
    file = file_of(tmp_path, receipts(30))
    kept = gathering.keep
    calls = 0

    async def dying(*args: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise ConnectionError("gone")
        await kept(*args)

    monkeypatch.setattr(gathering, "keep", dying)
    with pytest.raises(ConnectionError):
        await load(services, brand, Till(), file)
    monkeypatch.setattr(gathering, "keep", kept)
    first = Till(dies_after=2, batch=8)
    with pytest.raises(ConnectionError):
        await load(services, brand, first, file)
    second = Till(batch=8)
    summary = await load(services, brand, second, file)

    assert summary.is_resumed
    assert counts(summary) == (30, 30, 0, 0)
    assert summary.tally == {"lines": 90}
    assert len(first.taken) == 16
    assert len(second.taken) == 14
    assert not set(first.taken) & set(second.taken)


async def test_of_two_processes_one_gets_each_chunk_and_each_batch(
    services: Services, brand: BrandView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = file_of(tmp_path, receipts(30))
    monkeypatch.setattr(gathering, "CHUNK_RECORDS", 10)
    till = Till(batch=8)
    inner = Till(batch=8)
    kept = gathering.keep

    async def overtaken(*args: Any) -> None:
        monkeypatch.setattr(gathering, "keep", kept)
        await load(services, brand, inner, file)
        await kept(*args)

    monkeypatch.setattr(gathering, "keep", overtaken)
    with pytest.raises(RunTaken):
        await load(services, brand, till, file)

    assert (len(inner.taken), len(till.taken)) == (30, 0)


async def test_the_same_file_for_another_channel_is_another_import(
    services: Services, brand: BrandView, tmp_path: Path
) -> None:
    file = file_of(tmp_path, [*receipts(2), "R9,S,x,1"])
    for scope in ("a", "b"):
        assert counts(await load(services, brand, Till(scope=scope), file)) == (3, 2, 0, 1)

    async with services.database.connection(brand.id) as tx:
        assert await tx.fetchval("SELECT count(*) FROM intake_quarantine") == 2
        assert [row["scope"] for row in await tx.fetch("SELECT scope FROM intake_run ORDER BY id")] == ["a", "b"]


async def test_a_document_without_end_is_held_back_in_bounded_memory(
    services: Services, brand: BrandView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "MAX_DOCUMENT_RECORDS", 10)
    till = Till()

    summary = await load(services, brand, till, file_of(tmp_path, [*receipts(1, lines=11), *receipts(3)[3:]]))

    assert sorted(till.taken) == ["R0001", "R0002"]
    assert [problem.code for problem in summary.problems] == ["intake.document_too_long"]


async def test_packed_files_are_read_and_bombs_are_not(
    services: Services, brand: BrandView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = file_of(tmp_path, receipts(5))
    packed = tmp_path / "file.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    steps: list[float] = []
    till = Till()
    summary = await load(
        services, brand, till, packed, on_progress=lambda p: steps.append(p.bytes_read / p.bytes_total)
    )
    assert len(till.taken) == 5
    assert steps == sorted(steps)
    assert steps[-1] == 1.0
    assert summary.file == "file.csv.gz"

    monkeypatch.setattr(lines, "_HARMLESS_BYTES", 1024 * 1024)
    bomb = tmp_path / "bomb.csv.gz"
    with gzip.open(bomb, "wb") as out:
        out.write(b"no,sku,qty,price\n")
        for _ in range(16):
            out.write(b"\0" * 1024 * 1024)
    cut = tmp_path / "cut.csv.gz"
    noise = "".join(f"R{n},{random.Random(n).random()},1,1\n" for n in range(5_000))
    cut.write_bytes(gzip.compress(f"no,sku,qty,price\n{noise}".encode())[:-2_000])
    for file, says in ((bomb, "far more"), (cut, "unpacked")):
        with pytest.raises(UnusableFile) as refused:
            await load(services, brand, Till(), file)
        assert says in str(refused.value.facts["reason"])
