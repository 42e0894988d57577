"""Identities that nobody had proven when they came in: credited once, when somebody does."""

import uuid
from collections.abc import Collection, Mapping

from yundian.channels.repository import claims, inbox
from yundian.channels.rules import Claimed, Identity, Key
from yundian.channels.service import documents, publishing
from yundian.channels.service.histories import histories_of
from yundian.members import api as members
from yundian.members.types import IdentityKind
from yundian.orders import api as orders
from yundian.platform.core import clock
from yundian.platform.core.steps import step
from yundian.platform.db.database import Tx


async def claim(
    tx: Tx, *, new: Collection[tuple[Key, Identity]], proven: Collection[bytes], keys: Collection[Key]
) -> dict[Key, list[Claimed]]:
    """Keep new claims; credit those, and open ones of what this batch proves, to whoever has the identity.

    The credited claims of ``keys``, and of the documents that were credited now.
    """
    now = clock.now()
    if new:
        await claims.add(tx, claims=new, now=now)
    credited = await _credit(tx, hashes={identity[2] for _, identity in new} | {*proven})
    found: dict[Key, list[Claimed]] = {}
    wanted = {*keys, *credited}
    for one in await claims.credited(tx, keys=wanted) if wanted else []:
        found.setdefault(one.key, []).append(one)
    return found


async def settle(tx: Tx, *, hashes: Collection[bytes]) -> int:
    """Somebody proved identities: what was claimed by them is hers from now on, everywhere, in this transaction.

    How many documents that are. Told again, there is nothing open any more.
    """
    await inbox.lock(tx)
    keys = await _credit(tx, hashes=hashes)
    if not keys:
        return 0
    histories = await histories_of(tx, keys=keys)
    for one in await claims.credited(tx, keys=keys):
        histories[one.key].claimed.append(one)
    rows = documents.rows_of(histories, {})
    merged = await orders.merge_documents(
        tx,
        orders=[],
        lines=[],
        returns=[],
        members_of_orders=rows.members_of_orders,
        members_of_returns=rows.members_of_returns,
    )
    step("channels.claims_credited")
    await publishing.publish(tx, merged=merged)
    return len(keys)


async def _credit(tx: Tx, *, hashes: Collection[bytes]) -> set[Key]:
    waiting = await claims.open_among(tx, hashes=hashes) if hashes else []
    if not waiting:
        return set()
    found = await members.owners_of(
        tx, keys=[(IdentityKind(kind), scope, value) for kind, scope, value in waiting]
    )
    owners: Mapping[Identity, uuid.UUID] = {
        (kind.value, scope, value): member_id for (kind, scope, value), member_id in found.items()
    }
    return await claims.credit(tx, owners=owners, now=clock.now()) if owners else set()
