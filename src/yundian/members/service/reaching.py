"""Where members can be written to, and what they agreed to: for rooms that have something to say to them."""

import uuid
from collections.abc import Collection

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
    found: dict[uuid.UUID, tuple[bool, str | None, dict[str, str]]] = {}
    for member_id, status, kind, scope, value in await people.reaches(door, ids=sorted(ids)):
        is_active, phone, openids = found.get(member_id, (status == MemberStatus.ACTIVE.value, None, {}))
        if kind == IdentityKind.PHONE.value:
            phone = keyring.decrypt("members.phone", value)
        elif kind == IdentityKind.OPENID.value:
            openids = {**openids, scope: keyring.decrypt("members.openid", value)}
        found[member_id] = (is_active, phone, openids)
    return {
        member_id: Reach(is_active=is_active, phone=phone, openids=openids)
        for member_id, (is_active, phone, openids) in found.items()
    }


async def find_by_phone(door: Door, *, phone: str) -> uuid.UUID | None:
    """Whose phone it is, however it was written; ``None`` for nobody's and for what is no phone."""
    try:
        number = rules.checked_phone(phone)
    except InvalidInput:
        return None
    identity = sealed(keyring_of(door), Known(IdentityKind.PHONE, number))
    return await people.owner_of_phone(door, value_hash=identity.value_hash)
