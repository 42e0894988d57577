"""All that a shop sees of one appointment: who comes, what happened, and until when a move can be taken back."""

import datetime as dt
import uuid
from dataclasses import dataclass

from appointments.repository import bookings
from appointments.repository.bookings import HistoryEntry
from appointments.service import life, moves
from appointments.states import LIVE
from appointments.types import BookingView
from yundian.members import api as members
from yundian.members.types import MemberView
from yundian.platform.core.crypto import Keyring
from yundian.platform.db.database import Tx


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """``guest`` of ``None``: nobody the brand knows. ``later``: what it became when it was moved."""

    booking: BookingView
    guest: MemberView | None
    history: list[HistoryEntry]
    later: BookingView | None
    undo_until: dt.datetime | None


async def read(tx: Tx, *, keyring: Keyring, booking_id: uuid.UUID, shops: frozenset[uuid.UUID]) -> Sheet:
    """An appointment of one of these shops, else ``BookingUnknown``. The guest's phone is masked."""
    booking = await life.see(tx, booking_id=booking_id, shops=shops)
    guest = None
    if booking.member_id is not None:
        guest = await members.member_view(tx, keyring=keyring, member_id=booking.member_id)
    undo_until = await moves.until(tx, booking_id=booking_id)
    return Sheet(
        booking=booking,
        guest=guest,
        history=await bookings.history(tx, booking_id=booking_id),
        later=await bookings.moved_to(tx, booking_id=booking_id),
        undo_until=undo_until if booking.state in LIVE else None,
    )
