"""What other rooms ask about members. Functions take an asyncpg transaction or the database first."""

import uuid

from yundian.members import repository
from yundian.members.service.apps import app_of_brand
from yundian.members.service.joining import member_view
from yundian.platform.core.crypto import Keyring
from yundian.platform.db.database import Tx

__all__ = ["app_of_brand", "member_view", "openid_of"]


async def openid_of(tx: Tx, *, keyring: Keyring, member_id: uuid.UUID, app_id: str) -> str | None:
    """The member's openid in an app (whom a JSAPI payment asks to pay, whom a message goes to), if she has one."""
    sealed = await repository.openid_sealed(tx, member_id=member_id, app_id=app_id)
    return None if sealed is None else keyring.decrypt("members.openid", sealed)
