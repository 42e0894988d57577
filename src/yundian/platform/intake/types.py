"""The values that pass between the reader, the mapping, the run and the rooms."""

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec

from yundian.platform.core.crypto import Keyring
from yundian.platform.db.database import Tx

R = TypeVar("R", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one record: a stable code, a sentence, and the source's column where it is known.

    ``reason`` is English. A sentence that quotes something keeps its words (``text``, a msgid) and what stands in
    them (``facts``) beside it, so that everybody reads it in her own language.
    """

    code: str
    reason: str
    column: str = ""
    text: str = ""
    facts: Mapping[str, str | int] = field(default_factory=dict)

    @classmethod
    def quoting(cls, code: str, text: str, column: str = "", **facts: str | int) -> "Problem":
        """One whose ``text`` has ``%(name)s`` for each of the facts."""
        return cls(code, text % facts, column, text, facts)


class SourceRecord(msgspec.Struct, frozen=True):
    """One record as the file has it. ``line`` is its first physical line (in a JSON array: its number)."""

    line: int
    raw: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BrokenRecord:
    """One record that could not be taken apart. ``guess``: what its values look like, to find its document by."""

    line: int
    raw: str
    problem: Problem
    guess: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """What a room did with a batch; ``refused`` maps positions in the batch to problems, ``tally`` holds counts of
    its own, by name, which the run adds up."""

    applied: int = 0
    unchanged: int = 0
    refused: Mapping[int, Problem] = field(default_factory=dict)
    tally: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record of a batch stands in its file, and how it reads: all its lines, where they are several."""

    line: int
    raw: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a batch comes from; ``fields`` are those the mapping fills: a room leaves all others untouched.

    ``places`` has one for each record of the batch.
    """

    run_id: uuid.UUID
    mapping: str
    fields: frozenset[str]
    places: Sequence[Place] = ()


Apply = Callable[[Tx, Origin, Sequence[R]], Awaitable[Applied]]
Prepare = Callable[[Keyring, Origin, R, Place], Any]


@dataclass(frozen=True, slots=True)
class ImportKind(Generic[R]):
    """One kind of thing that can be imported.

    ``record`` is the validated shape a mapping must fill; ``key`` names a record within a file (a second one with
    other content is refused; without ``key`` that is the room's business); ``apply`` writes a batch set-based and
    idempotently, in the transaction it is given. ``scope`` is what else the records are for, such as a channel:
    the same file for another scope is another import. A batch has at most ``batch`` records.

    ``prepare`` does beforehand what needs no database: beside the loop, while the batch before goes in. ``apply``
    then gets what it made of each record.
    """

    name: str
    record: type[R]
    key: Callable[[R], str] | None
    apply: Apply[R]
    scope: str = ""
    batch: int = 1_000
    prepare: Prepare[R] | None = None


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a run. ``read`` = ``applied`` + ``unchanged`` + ``quarantined``."""

    run_id: uuid.UUID
    kind: str
    file: str
    state: str
    read: int
    applied: int
    unchanged: int
    quarantined: int
    is_resumed: bool
    seconds: float
    problems: list["ProblemAt"]
    tally: dict[str, int] = {}


class ProblemAt(msgspec.Struct, frozen=True, kw_only=True):
    """One quarantined record as a summary shows it."""

    file: str
    line: int
    column: str
    code: str
    reason: str


class Progress(msgspec.Struct, frozen=True):
    """How far a run is, for a progress bar; bytes of the file and counts so far."""

    bytes_read: int
    bytes_total: int
    read: int
    quarantined: int
