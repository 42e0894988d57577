"""What shops are told by JSON, beside their board's appointments."""

import datetime as dt
import uuid
from enum import StrEnum

import msgspec

from appointments.repository.bookings import HistoryEntry
from appointments.repository.setup import ResourceView
from appointments.rules import life as rules
from appointments.rules.shifts import Shifts
from appointments.schemas.wire import At, BoardEntry, TriedRead
from appointments.service.sheets import Sheet
from appointments.states import Status
from appointments.types import StaffView
from stores.types import ShopView


class LaneKind(StrEnum):
    """Whose lanes a board has."""

    STAFF = "staff"
    CHAIR = "chair"


class OwnShopRead(msgspec.Struct, frozen=True, kw_only=True):
    """A shop of the caller's where one can book."""

    id: uuid.UUID
    code: str
    name: str
    name_en: str
    time_zone: str

    @classmethod
    def of(cls, shop: ShopView) -> "OwnShopRead":
        return msgspec.convert(shop, cls, from_attributes=True)


class HoursRead(msgspec.Struct, frozen=True):
    """From when until when."""

    starts_at: dt.datetime
    ends_at: dt.datetime


class StaffLane(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who serves in the shop; without ``hours`` she is not at work on this day."""

    id: uuid.UUID
    name: str
    name_en: str
    status: Status
    hours: list[HoursRead]


class ChairLane(msgspec.Struct, frozen=True, kw_only=True):
    id: uuid.UUID
    kind: str
    name: str
    status: Status

    @classmethod
    def of(cls, one: ResourceView) -> "ChairLane":
        return msgspec.convert(one, cls, from_attributes=True)


class OpenDay(msgspec.Struct, frozen=True):
    """A day on which ``requested`` wait for the shop's word, and ``unserved`` for what their customers choose."""

    day: dt.date
    requested: int
    unserved: int


class BoardDay(msgspec.Struct, frozen=True, kw_only=True):
    """What a board of a day is drawn on. ``waiting``: how many are on the waiting list of the day.

    ``open_days``: from today on, the next days with something to decide.
    """

    shop_id: uuid.UUID
    day: dt.date
    time_zone: str
    hours: list[HoursRead]
    people: list[StaffLane]
    chairs: list[ChairLane]
    waiting: int
    open_days: list[OpenDay]


def lanes(people: list[StaffView], worked: Shifts) -> list[StaffLane]:
    """When each of the people is at work."""
    return [
        StaffLane(
            id=one.id,
            name=one.display_name,
            name_en=one.display_name_en,
            status=one.status,
            hours=[HoursRead(*each) for each in worked.of(one.id)],
        )
        for one in people
    ]


class GuestRead(msgspec.Struct, frozen=True, kw_only=True):
    """Who comes; the phone is masked."""

    member_id: uuid.UUID
    nickname: str
    phone: str | None


class HistoryRead(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, by whom (customer, shop or system), and in which words."""

    at: dt.datetime
    kind: str
    actor: str
    detail: str

    @classmethod
    def of(cls, one: HistoryEntry) -> "HistoryRead":
        return msgspec.convert(one, cls, from_attributes=True)


class SheetRead(msgspec.Struct, frozen=True, kw_only=True):
    """All that a shop sees of one appointment.

    ``guest`` of null: nobody the brand knows; ``external_client`` is then what another system called her.
    ``moved_to``: what it became when it was moved. ``undo_until``: so long the last move can be taken back. She
    can be checked in from ``arrives_from`` on, and is waited for until ``given_up_at``.
    """

    entry: BoardEntry
    guest: GuestRead | None
    external_client: str
    tried: list[TriedRead]
    history: list[HistoryRead]
    moved_to: uuid.UUID | None
    undo_until: dt.datetime | None
    arrives_from: dt.datetime
    given_up_at: dt.datetime

    @classmethod
    def of(cls, sheet: Sheet, *, tried: list[TriedRead]) -> "SheetRead":
        booking, guest = sheet.booking, sheet.guest
        return cls(
            entry=BoardEntry.of(booking),
            guest=GuestRead(member_id=guest.id, nickname=guest.nickname, phone=guest.phone) if guest else None,
            external_client=booking.external_client,
            tried=tried,
            history=[HistoryRead.of(one) for one in sheet.history],
            moved_to=sheet.later.id if sheet.later else None,
            undo_until=sheet.undo_until,
            arrives_from=booking.starts_at - rules.EARLY,
            given_up_at=rules.given_up_at(booking),
        )


class LanePlaces(msgspec.Struct, frozen=True):
    """A lane of the board, and when an appointment could begin in it."""

    lane_id: uuid.UUID
    starts: list[dt.datetime]


class PlaceWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A place on the board: when, and whose lane or which chair's. ``sequence``: the appointment's, as seen."""

    start: At
    lane_id: uuid.UUID
    by: LaneKind = LaneKind.STAFF
    sequence: int | None = None


class PeopleWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody else, or another chair, at the same time; null leaves it as it is."""

    staff_id: uuid.UUID | None = None
    chair_id: uuid.UUID | None = None
    sequence: int | None = None


class ShareWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A shop of the caller's that wants its link."""

    shop_id: uuid.UUID
