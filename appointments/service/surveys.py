"""A file is looked at before it is brought in: which column is which, and every word that is not known here.

A worker reads it once, in bounded memory, and writes nothing but what it found. One that is killed looks again.
"""

import asyncio
import datetime as dt
import hashlib
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.repository import surveys as repository
from appointments.rules import layouts
from appointments.rules.layouts import Layout
from appointments.rules.surveyed import MOST_WORDS, Flaw, Found, Hours, Seen, best, median
from appointments.rules.words import NOWHERE, STATES, known_as
from appointments.service.records import BookingRecord, begins, length_of, no_date, state_of
from yundian.brands import api as brands
from yundian.platform.core import clock
from yundian.platform.core.steps import step
from yundian.platform.db import directory
from yundian.platform.db.database import Database
from yundian.platform.intake import mapping as mappings
from yundian.platform.intake import pace
from yundian.platform.intake.expressions import Extractor, FieldProblem
from yundian.platform.intake.mapping import Mapping as FileMapping
from yundian.platform.intake.reader import Read, Reader
from yundian.platform.intake.rules import Source
from yundian.platform.intake.types import BrokenRecord, Problem, RunSummary
from yundian.platform.outbox.door import brand_of

# What the findings are sealed for: they quote the file.
FOUND = "appointments.import_survey"
AT_ONCE = 5_000
KEEP_DAYS = 7
_SAMPLED = 200
_SHOWN_SAMPLES = 3
_MOST_FLAWS = 40
_USUAL_MIN = 60


async def look(
    database: Database, *, brand: uuid.UUID, survey_id: uuid.UUID, file: Path, mapping: FileMapping
) -> RunSummary:
    """Read the whole file and keep what is in it. ``UnusableFile`` when it cannot be read."""
    started = time.perf_counter()
    now = clock.now()
    async with database.connection(brand) as tx:
        await repository.start(tx, survey_id=survey_id, now=now)
        zone = await brands.zone_of(tx)
    found = Found(header=[])
    if mapping.text == layouts.UNKNOWN:
        found = await asyncio.to_thread(_sampled, file)
        found.layout = await _layout(database, brand, found, file, zone)
        mapping = mappings.parse(layouts.mapping_of(found.layout), file="mapping")
    reader = Reader(file, mapping.source, columns=mapping.columns() if mapping.source.is_flat else None)
    tally = _Tally(mapping, zone=zone, now=now)
    records = iter(reader)
    with pace.beside_the_loop():
        while await asyncio.to_thread(tally.take, records):
            step("appointments.looked")
            permille = 1000 * reader.position // max(reader.size, 1)
            async with database.connection(brand) as tx:
                await repository.told(tx, survey_id=survey_id, rows_read=tally.rows, permille=permille)
    tally.tell(found)
    step("appointments.looked_at")
    async with database.connection(brand) as tx:
        await repository.keep(
            tx,
            survey_id=survey_id,
            mapping=mapping.text,
            header_hash=_hash(found.header),
            layout=found.layout,
            found=database.keyring.seal(FOUND, msgspec.json.encode(found).decode()),
            rows_read=tally.rows,
        )
    return RunSummary(
        run_id=survey_id, kind=layouts.KIND, file=file.name, state="finished", read=tally.rows, applied=0,
        unchanged=0, quarantined=0, is_resumed=False, seconds=time.perf_counter() - started, problems=[],
    )  # fmt: skip


async def followed(session: AsyncSession, *, ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Those of the looks that an import or another look came of."""
    return await repository.followed(session, brand_id=brand_of(session), ids=ids) if ids else set()


async def forget_old(database: Database) -> None:
    """What looks quoted of their files goes with the files' bytes, after a week."""
    before = clock.now() - dt.timedelta(days=KEEP_DAYS)
    for brand_id in await directory.brand_ids(database):
        async with database.connection(brand_id) as tx:
            await repository.forget_found(tx, before=before)


def source_of(file_name: str) -> str:
    """What kind of list a file is, by its name; a ``table`` finds the rest out by itself."""
    name = file_name.lower().removesuffix(".gz")
    return {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json"}.get(Path(name).suffix, "table")


def _sampled(file: Path) -> Found:
    """The names of its columns, and what stands in them in the first rows."""
    source = msgspec.convert({"format": source_of(file.name)}, Source)
    samples: dict[str, list[str]] = {}
    rows = 0
    for read in islice(Reader(file, source), _SAMPLED):
        if isinstance(read, BrokenRecord):
            continue
        for name, value in read.values.items():
            if isinstance(value, str | int | float) or value is None:
                texts = samples.setdefault(name, [""] * rows)
                texts.append("" if value is None else str(value))
        rows += 1
        for texts in samples.values():
            texts.extend([""] * (rows - len(texts)))
    return Found(header=list(samples), samples=samples)


async def _layout(database: Database, brand: uuid.UUID, found: Found, file: Path, zone: str) -> Layout:
    """The layout that a list of these columns came in with before, else the likeliest."""
    header_hash = _hash(found.header)
    async with database.connection(brand) as tx:
        text = await repository.remembered(tx, header_hash=header_hash)
    if text is not None:
        layout = msgspec.json.decode(text, type=Layout)
        found.is_remembered = True
    else:
        name = f"list-{header_hash[:6]}"
        layout = layouts.guessed(found.header, found.samples, zone=zone, name=name)
    layout.source = source_of(file.name)
    found.samples = {name: _few(texts) for name, texts in found.samples.items()}
    return layout


def _few(texts: Sequence[str]) -> list[str]:
    return [text[:60] for text in list(dict.fromkeys(filter(None, texts)))[:_SHOWN_SAMPLES]]


def _hash(header: Sequence[str]) -> str:
    return hashlib.sha256("\x1f".join(header).encode("utf-8", "backslashreplace")).hexdigest() if header else ""


class _Word:
    """What is learned of a word on the way through the file."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen
        self.lengths: dict[int, int] = {}
        self.hours = Hours()
        self.services: set[str] = set()

    def add(self, day: dt.date | None) -> None:
        seen = self.seen
        seen.rows += 1
        if day is not None:
            seen.first = min(seen.first or day, day)
            seen.last = max(seen.last or day, day)

    def told(self) -> Seen:
        self.seen.week = self.hours.week()
        self.seen.minutes = median(self.lengths)
        self.seen.services = sorted(self.services)
        return self.seen


class _Tally:
    """The words of a file and what is wrong with its rows, as they pass."""

    def __init__(self, mapping: FileMapping, *, zone: str, now: dt.datetime) -> None:
        self.rows = 0
        self._mapping = mapping
        self._extractor = Extractor(mapping)
        rule = mapping.fields.get("starts_at")
        # Of a list without such a column, the state is ours.
        state = mapping.fields.get("state")
        self._has_state = state is None or state.constant is None
        self._zone = ZoneInfo((rule.zone if rule is not None else None) or zone)
        self._now = now
        self._words: dict[str, dict[tuple[str, str], _Word]] = {
            kind: {} for kind in ("shop", "service", "staff", "state")
        }
        self._flaws: dict[tuple[str, str, str], Flaw] = {}
        self._other_flaws = 0
        self._cut: set[str] = set()

    def take(self, records: Iterator[Read]) -> bool:
        """The next rows; whether there were any."""
        before = self.rows
        for read in islice(records, AT_ONCE):
            self.rows += 1
            self._read(read)
        return self.rows > before

    def tell(self, found: Found) -> None:
        found.rows = self.rows
        found.shops, found.services, found.people, found.states = (
            best(word.told() for word in words.values()) for words in self._words.values()
        )
        found.flaws = sorted(self._flaws.values(), key=lambda one: (-one.rows, one.line))
        found.other_flaws = self._other_flaws
        found.cut = sorted(self._cut)

    def _read(self, read: Read) -> None:
        if isinstance(read, BrokenRecord):
            self._flaw(read.problem, read.line)
            return
        try:
            record = self._extractor.record(read.values, BookingRecord)
        except FieldProblem as error:
            self._flaw(error.problem, read.line)
            return
        problem = no_date(record)
        if problem is None:
            problem = self._learn(record, read.line)
        if problem is not None:
            self._flaw(self._mapping.named(problem), read.line)

    def _learn(self, record: BookingRecord, line: int) -> Problem | None:
        start = record.starts_at.astimezone(self._zone) if record.starts_at is not None else None
        day = start.date() if start is not None else record.day
        state = state_of(record, STATES, self._now)
        minutes = length_of(record)
        shop, service = known_as(record.shop_code), known_as(record.service_code)
        example = _example(record, start, has_state=self._has_state)
        at_shop = self._word("shop", ("", shop), record.shop_code, line, example)
        of_service = self._word("service", ("", service), record.service_code, line, example)
        of_person = self._word("staff", (shop, known_as(record.staff)), record.staff, line, example)
        in_state = self._word("state", ("", known_as(record.state)), record.state, line, example)
        for word in filter(None, (at_shop, of_service, of_person, in_state)):
            word.add(day)
        if of_person is not None:
            of_person.seen.shop = shop
            if len(of_person.services) < MOST_WORDS:
                of_person.services.add(service)
        if start is not None:
            for word in filter(None, (at_shop, of_person)):
                word.hours.add(start, minutes or _USUAL_MIN)
        if of_service is not None and minutes is not None:
            of_service.lengths[minutes] = of_service.lengths.get(minutes, 0) + 1
        began = begins(record, state, self._zone, self._now) if state is not None else None
        return began if isinstance(began, Problem) else None

    def _word(self, kind: str, key: tuple[str, str], said: str, line: int, example: str) -> _Word | None:
        words = self._words[kind]
        found = words.get(key)
        if found is None:
            if len(words) >= MOST_WORDS:
                self._cut.add(kind)
                return None
            found = words[key] = _Word(Seen(said=said, rows=0, line=line, example=example))
        return found

    def _flaw(self, problem: Problem, line: int) -> None:
        key = (problem.code, problem.text or problem.reason, problem.column)
        found = self._flaws.get(key)
        if found is not None:
            found.rows += 1
        elif len(self._flaws) < _MOST_FLAWS:
            facts: Mapping[str, str | int] = problem.facts
            self._flaws[key] = Flaw(
                code=problem.code, reason=problem.reason, rows=1, line=line, column=problem.column,
                text=problem.text, facts=dict(facts),
            )  # fmt: skip
        else:
            self._other_flaws += 1


def _example(record: BookingRecord, start: dt.datetime | None, *, has_state: bool) -> str:
    """The row in few words, without its customer, as far as the file says them."""
    at = f"{start:%Y-%m-%d %H:%M}" if start is not None else str(record.day or "")
    said = (at, record.shop_code, record.service_code, record.staff, record.state if has_state else "")
    return " · ".join(text for text in said if text and text != NOWHERE)[:200]
