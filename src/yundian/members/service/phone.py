"""Phones proved by a code in a short message: six digits, five minutes, five tries, once.

A form that is sent twice is one act: one message, and one member who is signed in, whichever answer is seen.
"""

import datetime as dt
import hmac
import uuid

import msgspec

from yundian.members import rules
from yundian.members.errors import CodeNotSent, TooManyCodes, WrongCode
from yundian.members.ports import SmsSender
from yundian.members.repository import people
from yundian.members.service import joining, reaching
from yundian.members.service.sealing import seal, unseal
from yundian.members.types import IdentityKind, JoinedVia, Known
from yundian.platform.auth import api as auth
from yundian.platform.auth.types import Client, CustomerSignedIn
from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring, mask_phone
from yundian.platform.core.ids import new_id
from yundian.platform.db.database import Database, Tx

_TICKET = "members.code"
_HASH = "members.code"


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """A code on its way. Only the browser that asked holds it, so nobody else can try the code, or use it up.

    ``member_id``: who is signed in and wants to bind the phone; null for a sign-in.
    """

    brand_id: uuid.UUID
    code_id: uuid.UUID
    phone: str
    member_id: uuid.UUID | None
    expires_at: dt.datetime


async def send_code(
    database: Database,
    *,
    keyring: Keyring,
    sms: SmsSender,
    brand_id: uuid.UUID,
    brand_name: str,
    phone: str,
    member_id: uuid.UUID | None,
    address: str,
    request_key: str | None = None,
) -> str:
    """Send a code; returns the ticket that is needed to use it. The same answer for members and for others.

    ``request_key``: the form's own; sent again, while the code may still be entered, it sends none.
    ``TooManyCodes`` after too many to the phone or from the address, ``CodeNotSent`` when the provider fails.
    """
    number, now = rules.checked_phone(phone), clock.now()
    code, code_id = rules.new_code(), _code_id(keyring, number, request_key)
    phone_key = keyring.blind_index("members.sms.phone", number)
    ticket = Ticket(
        brand_id=brand_id, code_id=code_id, phone=number, member_id=member_id, expires_at=now + rules.CODE_LIFE
    )
    try:
        async with database.connection(brand_id) as tx:
            await _count(tx, phone_key, gap=rules.PHONE_GAP, per_day=rules.PHONE_PER_DAY, now=now)
            address_key = keyring.blind_index("members.sms.address", address)
            await _count(tx, address_key, gap=rules.ADDRESS_GAP, per_day=rules.ADDRESS_PER_DAY, now=now)
            await people.add_code(
                tx,
                code_id=code_id,
                phone_hash=phone_key,
                code_hash=_hash(keyring, code_id, code),
                now=now,
                expires_at=ticket.expires_at,
            )
    except TooManyCodes:
        async with database.connection(brand_id) as tx:
            if not await people.is_code_open(tx, code_id=code_id, now=now):
                raise
        return seal(keyring, _TICKET, ticket)
    minutes = int(rules.CODE_LIFE.total_seconds() // 60)
    try:
        await sms.send_code(
            phone=number, code=code, brand_name=brand_name, minutes=minutes, reference=str(code_id)
        )
    except CodeNotSent:
        async with database.connection(brand_id) as tx:
            await people.forgive_gap(tx, key_hash=phone_key, gap=rules.PHONE_GAP)
        raise
    return seal(keyring, _TICKET, ticket)


def phone_of(keyring: Keyring, *, ticket: str) -> str:
    """The phone a code went to, to send another; ``WrongCode`` when the ticket is none."""
    opened = unseal(keyring, _TICKET, ticket, Ticket)
    if opened is None:
        raise WrongCode
    return opened.phone


def shown_phone(keyring: Keyring, *, ticket: str) -> str:
    """The same for the screen, masked; empty when the ticket is none."""
    opened = unseal(keyring, _TICKET, ticket, Ticket)
    return mask_phone(opened.phone) if opened else ""


async def sign_in(
    database: Database, *, keyring: Keyring, brand_id: uuid.UUID, ticket: str, code: str, client: Client
) -> CustomerSignedIn:
    """A session for the right code; the member is made if the phone is new. ``WrongCode`` for anything wrong.

    She agreed to the terms on the form.
    """
    opened = await _checked(database, keyring=keyring, brand_id=brand_id, member_id=None, ticket=ticket, code=code)
    async with database.connection(brand_id) as tx:
        await _use(tx, opened)
        proven = [Known(IdentityKind.PHONE, opened.phone)]
        member = await joining.find_or_join(tx, keyring=keyring, proven=proven, via=JoinedVia.PHONE)
        await joining.agree(tx, member_id=member, via=JoinedVia.PHONE)
        if client.locale:
            await reaching.speak(tx, member_id=member, locale=client.locale, is_guess=True)
        return await auth.open_customer_session(
            tx, keyring=keyring, brand_id=brand_id, member_id=member, client=client
        )


async def bind(
    database: Database, *, keyring: Keyring, brand_id: uuid.UUID, member_id: uuid.UUID, ticket: str, code: str
) -> None:
    """Bind the phone to the member for the right code. ``WrongCode``, ``PhoneTaken``, ``PhoneBound``."""
    opened = await _checked(
        database, keyring=keyring, brand_id=brand_id, member_id=member_id, ticket=ticket, code=code
    )
    async with database.connection(brand_id) as tx:
        await _use(tx, opened)
        await joining.bind_phone(tx, keyring=keyring, member_id=member_id, phone=opened.phone)


async def _count(tx: Tx, key_hash: bytes, *, gap: dt.timedelta, per_day: int, now: dt.datetime) -> None:
    until = await people.count_code(tx, key_hash=key_hash, gap=gap, per_day=per_day, day=rules.DAY, now=now)
    if until is not None:
        raise TooManyCodes(retry_after_s=max(1, int((until - now).total_seconds())))


async def _checked(
    database: Database,
    *,
    keyring: Keyring,
    brand_id: uuid.UUID,
    member_id: uuid.UUID | None,
    ticket: str,
    code: str,
) -> Ticket:
    """The ticket whose code is right. The try is counted, and committed, before the code is looked at."""
    opened = unseal(keyring, _TICKET, ticket, Ticket)
    if opened is None or opened.brand_id != brand_id or opened.member_id != member_id:
        raise WrongCode
    async with database.connection(brand_id) as tx:
        known = await people.claim_try(
            tx, code_id=opened.code_id, now=clock.now(), max_tries=rules.CODE_TRIES, same_tap=rules.SAME_TAP
        )
    if known is None or not hmac.compare_digest(known, _hash(keyring, opened.code_id, code.strip())):
        raise WrongCode
    return opened


async def _use(tx: Tx, ticket: Ticket) -> None:
    if not await people.use_code(tx, code_id=ticket.code_id, now=clock.now(), same_tap=rules.SAME_TAP):
        raise WrongCode


def _code_id(keyring: Keyring, number: str, request_key: str | None) -> uuid.UUID:
    """The same one for the same form and phone: who sends it twice means one code."""
    if not request_key:
        return new_id()
    return uuid.UUID(bytes=keyring.blind_index("members.code.request", f"{request_key}:{number}")[:16], version=4)


def _hash(keyring: Keyring, code_id: uuid.UUID, code: str) -> bytes:
    return keyring.blind_index(_HASH, f"{code_id}:{code}")
