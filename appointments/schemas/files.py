"""The JSON of files of appointments that HQ brings in, and of records that could not be taken in."""

import datetime as dt
import uuid
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from appointments.service.taking_back import Imported, TakingBack
from yundian.platform.files.service.views import FileView
from yundian.platform.intake.models import Quarantined, QuarantineState
from yundian.platform.intake.types import Problem
from yundian.platform.web.reasons import reason_of

MappingText = Annotated[str, Meta(max_length=100_000, description="TOML: which column is which field")]


class RunCounts(msgspec.Struct, frozen=True, kw_only=True):
    """``read`` = ``applied`` + ``unchanged`` + ``quarantined``."""

    read: int
    applied: int
    unchanged: int
    quarantined: int


class FileRead(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was uploaded, or read by command (no ``upload_id``). ``run_id`` is there as soon as it is read;
    ``share`` of the work is done, 0 to 1. ``standing``: waiting, running, finished, failed or interrupted.
    ``is_look``: it is only looked at, and nothing of it comes in."""

    upload_id: uuid.UUID | None
    run_id: uuid.UUID | None
    file_name: str
    started_at: dt.datetime
    standing: str
    is_live: bool
    is_look: bool
    share: float
    counts: RunCounts | None
    error_code: str
    error_reason: str

    @classmethod
    def of(cls, view: FileView) -> "FileRead":
        return cls(**told(view))


class FileDetail(FileRead, frozen=True, kw_only=True):
    """With its mapping, how many of its appointments are here, and how far taking them back is."""

    mapping: str
    here: int
    taking_back: "TakingBackRead | None"

    @classmethod
    def whole(cls, view: FileView, found: Imported) -> "FileDetail":
        kept = view.upload or view.run
        return cls(
            **told(view),
            mapping=kept.mapping if kept else "",
            here=found.here,
            taking_back=TakingBackRead.of(found.back) if found.back else None,
        )


class TakingBackRead(msgspec.Struct, frozen=True, kw_only=True):
    """How far taking an import back is, or what came of it: ``kept`` counts what stays, by why it does."""

    total: int
    removed: int
    kept: dict[str, int]
    is_running: bool
    share: float

    @classmethod
    def of(cls, back: TakingBack) -> "TakingBackRead":
        return cls(**{name: getattr(back, name) for name in cls.__struct_fields__})


class MappingRead(msgspec.Struct, frozen=True, kw_only=True):
    """A mapping that comes with the house, to be sent as it is or changed."""

    name: str
    mapping: str


class MappingWrite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    mapping: MappingText


class HeldRead(msgspec.Struct, frozen=True, kw_only=True):
    """A record that could not be taken in: where it stands in its file, and why, in the reader's language."""

    id: uuid.UUID
    run_id: uuid.UUID
    line: int
    column: str
    code: str
    reason: str
    state: QuarantineState
    settled_at: dt.datetime | None

    @classmethod
    def of(cls, held: Quarantined) -> "HeldRead":
        return cls(**_held(held))


class HeldDetail(HeldRead, frozen=True, kw_only=True):
    """With the record as it stands in the file, and its columns; null where they were never known."""

    raw: str
    source: dict[str, Any] | None

    @classmethod
    def whole(cls, held: Quarantined) -> "HeldDetail":
        return cls(**_held(held), raw=held.raw, source=held.source)


class Corrections(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Columns of the record as they should be; those that are not named stay."""

    columns: Annotated[
        dict[Annotated[str, Meta(max_length=200)], Annotated[str, Meta(max_length=4000)]], Meta(max_length=200)
    ] = {}


class StillHeld(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a record now."""

    code: str
    reason: str
    column: str


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """``problem`` of null: the record was taken in."""

    problem: StillHeld | None

    @classmethod
    def of(cls, problem: Problem | None) -> "Replayed":
        if problem is None:
            return cls(problem=None)
        return cls(problem=StillHeld(code=problem.code, reason=reason_of(problem), column=problem.column))


class ReplayAll(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of one import, or of all."""

    run_id: uuid.UUID | None = None


class ReplayedAll(msgspec.Struct, frozen=True, kw_only=True):
    taken_in: int
    still_held: int


def told(view: FileView) -> dict[str, Any]:
    """What is said of every file."""
    upload, run = view.upload, view.run
    counts = None
    if run is not None:
        counts = RunCounts(
            read=run.records_read, applied=run.applied, unchanged=run.unchanged, quarantined=run.quarantined
        )
    return {
        "upload_id": upload.id if upload else None,
        "run_id": run.id if run else None,
        "file_name": view.file_name,
        "started_at": view.started_at,
        "standing": view.standing,
        "is_live": view.is_live,
        "is_look": bool(view.scope),
        "share": view.share,
        "counts": counts,
        "error_code": upload.error_code if upload else "",
        "error_reason": (upload.error_reason if upload else "") or (run.error if run else ""),
    }


def _held(held: Quarantined) -> dict[str, Any]:
    return {
        "id": held.id,
        "run_id": held.run_id,
        "line": held.line,
        "column": held.column_name,
        "code": held.code,
        "reason": reason_of(held),
        "state": held.state,
        "settled_at": held.settled_at,
    }
