"""Decisions about one booking, without a database: what a cancellation costs, which deposit is asked, links."""

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import uuid

from appointments.states import MOVABLE, Attention, BookingState, DepositState, Source
from appointments.types import BookingView, Plans, ServiceView
from yundian.platform.core.crypto import Keyring

NO_SHOWS_COUNT_FOR = dt.timedelta(days=180)
# Whoever has the link to a past appointment needs it no more.
LINK_LIVES = dt.timedelta(days=30)
# So long a shop can take a move back; only then the customer is told of it.
UNDO_FOR = dt.timedelta(seconds=60)
# So early a customer may be checked in.
EARLY = dt.timedelta(hours=2)
_MAC_BYTES = 12
# When it is due, whoever has not come is given up.
NO_SHOW_TIMER = "appointments.no_show"
# When it is due, a request without an answer is declined.
REQUEST_TIMER = "appointments.request"


def is_late(booking: BookingView, *, now: dt.datetime) -> bool:
    """Past the cut-off she booked under. Never, when the shop itself changed something."""
    is_moved_by_shop = booking.moved_from is not None and booking.source is Source.SHOP
    if is_moved_by_shop or booking.attention is not Attention.NONE or booking.state is not BookingState.CONFIRMED:
        return False
    return now > cutoff_of(booking)


def is_changeable(booking: BookingView) -> bool:
    """Whether it stands and lies ahead; until ``cutoff_of`` its customer may move it."""
    return booking.state in MOVABLE and booking.starts_at > booking.seen_at


def is_cancellable(booking: BookingView) -> bool:
    """Whether its customer may give it back: also what is held for her, but not what is held for her group."""
    if booking.state is BookingState.HELD:
        return booking.source is not Source.GROUP and booking.starts_at > booking.seen_at
    return is_changeable(booking)


def cutoff_of(booking: BookingView) -> dt.datetime:
    """Until when she may change it."""
    return booking.starts_at - dt.timedelta(minutes=booking.cutoff_min)


def given_up_at(booking: BookingView) -> dt.datetime:
    """Until when the shop waits for her."""
    return waited_until(booking.starts_at, booking.grace_min)


def waited_until(start: dt.datetime, grace_min: int) -> dt.datetime:
    return start + dt.timedelta(minutes=grace_min)


def deposit_of(plans: Plans) -> int:
    """What this customer has to pay before, in minor units; more once she stayed away too often."""
    service = plans.service
    stayed_away = service.no_show_limit > 0 and plans.member_no_shows >= service.no_show_limit
    return max(service.deposit_minor, service.no_show_deposit_minor if stayed_away else 0)


def after_end(booking: BookingView, *, is_charged: bool) -> DepositState | None:
    """What becomes of a paid deposit when the booking ends without service; ``None``: nothing was paid."""
    if booking.deposit_state is not DepositState.PAID:
        return None
    return DepositState.FORFEITED if is_charged else DepositState.REFUNDING


def first_state(service: ServiceView) -> BookingState:
    """What a booking is when nothing has to be paid (any more)."""
    return BookingState.REQUESTED if service.needs_approval else BookingState.CONFIRMED


def link_token(keyring: Keyring, *, kind: str, brand_id: uuid.UUID, thing_id: uuid.UUID, version: int = 0) -> str:
    """Names one thing and cannot be guessed or changed into another's."""
    body = brand_id.bytes + thing_id.bytes
    return base64.urlsafe_b64encode(body + _mac(keyring, kind, body, version)).decode().rstrip("=")


def read_link(token: str) -> tuple[uuid.UUID, uuid.UUID] | None:
    """Brand and id that a link claims to be for; check it with ``is_link`` before anything is shown."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        return None
    if len(raw) != 32 + _MAC_BYTES:
        return None
    return uuid.UUID(bytes=raw[:16]), uuid.UUID(bytes=raw[16:32])


def is_link(keyring: Keyring, token: str, *, kind: str, version: int = 0) -> bool:
    """Whether we made it, for this kind and version."""
    named = read_link(token)
    if named is None:
        return False
    made = link_token(keyring, kind=kind, brand_id=named[0], thing_id=named[1], version=version)
    return hmac.compare_digest(made, token)


def _mac(keyring: Keyring, kind: str, body: bytes, version: int) -> bytes:
    key = keyring.key(f"appointments.{kind}")
    return hmac.new(key, body + version.to_bytes(4, "big"), hashlib.sha256).digest()[:_MAC_BYTES]
