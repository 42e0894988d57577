"""Appointments of a file on their way in, and the time they take: alone, or several in one session."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec


class ImportedService(msgspec.Struct, frozen=True):
    id: uuid.UUID
    name: str
    duration_min: int
    buffer_before_min: int
    buffer_after_min: int
    currency: str
    cutoff_min: int
    grace_min: int
    chair_kind: str
    seats: int


@dataclass(frozen=True, kw_only=True)
class NewImport:
    """An appointment as it is written; ``takes_time``: nobody else had this person then."""

    id: uuid.UUID
    code: str
    shop_id: uuid.UUID
    service: ImportedService
    staff_id: uuid.UUID
    state: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    time_zone: str
    local_day: dt.date
    asked_at: dt.datetime
    ended_at: dt.datetime | None
    is_day_only: bool
    takes_time: bool
    is_coming: bool
    source: str
    external_id: str
    client: str
    reason: str

    @property
    def chair_kind(self) -> str:
        """What is to come needs its chair; what was had one, and nobody asks which."""
        return self.service.chair_kind if self.is_coming else ""

    def row(self, chair_id: uuid.UUID | None, session_id: uuid.UUID | None) -> list[object]:
        """In the order of ``_COLUMNS``."""
        service = self.service
        is_served = self.state == "completed"
        confirmed_at = None if self.state == "cancelled" else self.asked_at
        return [
            self.id, self.code, self.shop_id, service.id, self.staff_id, chair_id, session_id, self.state,
            self.starts_at, self.ends_at, *self.buffers, self.time_zone,
            self.local_day, service.name, service.currency, service.cutoff_min, service.grace_min, self.asked_at,
            confirmed_at, self.starts_at if is_served else None,
            self.ended_at or (self.ends_at if is_served else None), self.is_day_only, self.source,
            self.external_id, self.client, self.reason,
        ]  # fmt: skip

    @property
    def buffers(self) -> tuple[int, int]:
        """Minutes before and after. What is to come keeps them; what was has happened, however close together."""
        return (self.service.buffer_before_min, self.service.buffer_after_min) if self.is_coming else (0, 0)

    @property
    def occupied(self) -> tuple[dt.datetime, dt.datetime]:
        before, after = (dt.timedelta(minutes=minutes) for minutes in self.buffers)
        return self.starts_at - before, self.ends_at + after


@dataclass(frozen=True, kw_only=True)
class Stay:
    """The time of one person and a chair: of a booking alone, or of a session, whoever has a seat in it.

    ``id`` is the booking's or the session's; ``chair_id`` is known of a session that is here already.
    """

    id: uuid.UUID
    members: Sequence[NewImport]
    is_session: bool
    chair_id: uuid.UUID | None = None

    @classmethod
    def alone(cls, one: NewImport) -> "Stay":
        return cls(id=one.id, members=[one], is_session=False)

    @property
    def staff_id(self) -> uuid.UUID:
        return self.members[0].staff_id

    @property
    def chair_kind(self) -> str:
        return self.members[0].chair_kind

    @property
    def is_coming(self) -> bool:
        return self.members[0].is_coming

    @property
    def occupied(self) -> tuple[dt.datetime, dt.datetime]:
        return self.members[0].occupied
