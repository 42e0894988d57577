"""Customers' sessions. How a customer proved who she is, the room of the members knows."""

import uuid

from yundian.platform.auth import rules
from yundian.platform.auth.customers import repository
from yundian.platform.auth.models import CustomerSession
from yundian.platform.auth.tokens import CUSTOMER_PREFIX, customer_token, encoded
from yundian.platform.auth.types import Client, CustomerSignedIn
from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.ids import new_id, secret_token, token_hash
from yundian.platform.core.principal import ANONYMOUS, Principal, PrincipalKind
from yundian.platform.db.database import Database, Tx


async def open_customer_session(
    tx: Tx, *, keyring: Keyring, brand_id: uuid.UUID, member_id: uuid.UUID, client: Client
) -> CustomerSignedIn:
    """Always a new token, and the old one of this browser ends: nothing to fixate."""
    now, secret = clock.now(), secret_token()
    old = customer_token(client.old_token)
    if old is not None and old.brand_id == brand_id:
        await repository.revoke_token(tx, token_hash=token_hash(old.secret), now=now)
    session = CustomerSession(
        brand_id=brand_id,
        id=new_id(),
        created_at=now,
        token_hash=token_hash(secret),
        member_id=member_id,
        expires_at=now + rules.CUSTOMER_IDLE,
        ends_at=now + rules.CUSTOMER_LIFE,
        ip_hash=keyring.blind_index("ip", client.ip),
        user_agent=rules.shown_user_agent(client.user_agent),
    )
    await repository.add(tx, session=session)
    token = f"{CUSTOMER_PREFIX}{encoded(brand_id)}.{secret}"
    return CustomerSignedIn(token=token, member_id=member_id, ends_at=session.ends_at)


async def end_customer_session(tx: Tx, *, member_id: uuid.UUID, session_id: uuid.UUID) -> None:
    """Sign out here; a session that ended already stays ended."""
    await repository.end(tx, member_id=member_id, session_id=session_id, now=clock.now())


async def end_customer_sessions(tx: Tx, *, member_id: uuid.UUID) -> None:
    """Sign out everywhere, here included."""
    await repository.end(tx, member_id=member_id, session_id=None, now=clock.now())


async def principal_of(database: Database, token: str) -> Principal:
    """The customer that the token stands for; ``ANONYMOUS`` when it is unknown, expired or revoked."""
    parsed = customer_token(token)
    if parsed is None:
        return ANONYMOUS
    now = clock.now()
    row = await repository.find(database, brand_id=parsed.brand_id, token_hash=token_hash(parsed.secret), now=now)
    if row is None:
        return ANONYMOUS
    if rules.has_to_slide(row["expires_at"], ends_at=row["ends_at"], idle=rules.CUSTOMER_IDLE, now=now):
        async with database.connection(parsed.brand_id) as tx:
            await repository.slide(tx, session_id=row["session_id"], until=now + rules.CUSTOMER_IDLE)
    return Principal(
        kind=PrincipalKind.CUSTOMER,
        brand_id=parsed.brand_id,
        id=row["member_id"],
        session_id=row["session_id"],
        brand_code=row["brand_code"],
    )
