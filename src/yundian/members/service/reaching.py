"""Where members can be written to, and what they agreed to: for rooms that have something to say to them."""

import uuid
from collections.abc import Collection
from dataclasses import replace

from yundian.members import rules
from yundian.members.repository import people
from yundian.members.service.joining import sealed
from yundian.members.states import MemberStatus
from yundian.members.types import IdentityKind, Known, Reach
from yundian.platform.core.errors import InvalidInput
from yundian.platform.db.keys import keyring_of
from yundian.platform.outbox.door import Door


async def reach_of(door: Door, *, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Reach]:
    """Phones and openids of members, opened; of several the newest. Unknown ids are left out. One statement."""
    keyring = keyring_of(door)
    found: dict[uuid.UUID, Reach] = {}
    for member_id, status, locale, kind, scope, value in await people.reaches(door, ids=sorted(ids)):
        reach = found.setdefault(member_id, Reach(is_active=status == MemberStatus.ACTIVE.value, locale=locale))
        if kind == IdentityKind.PHONE.value:
            found[member_id] = replace(reach, phone=keyring.decrypt("members.phone", value))
        elif kind == IdentityKind.OPENID.value:
            openid = keyring.decrypt("members.openid", value)
            found[member_id] = replace(reach, openids={**reach.openids, scope: openid})
    return found


async def speak(door: Door, *, member_id: uuid.UUID, locale: str, is_guess: bool = False) -> None:
    """In which language she is written to. A guess, by the pages she reads, replaces no choice and no guess."""
    await people.speak(door, member_id=member_id, locale=locale, is_guess=is_guess)


async def find_by_phone(door: Door, *, phone: str) -> uuid.UUID | None:
    """Whose phone it is, however it was written; ``None`` for nobody's and for what is no phone."""
    try:
        number = rules.checked_phone(phone)
    except InvalidInput:
        return None
    identity = sealed(keyring_of(door), Known(IdentityKind.PHONE, number))
    return await people.owner_of_phone(door, value_hash=identity.value_hash)
