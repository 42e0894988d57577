"""Members whom somebody's verified identities name together.

Whether they are one member or two depends on what came first, and nobody is made one with somebody else unasked:
headquarters sees the pair, and says when they are two.
"""

import uuid
from collections.abc import Iterable

from yundian.members.repository import twins as repository
from yundian.members.types import TwinView
from yundian.platform.core import clock
from yundian.platform.core.errors import NotFound
from yundian.platform.db.database import Tx
from yundian.platform.outbox.door import Door

MOST_SHOWN = 10


async def note(tx: Tx, *, seen: Iterable[Iterable[uuid.UUID]]) -> None:
    """Who were named together; told again, nothing changes, also when headquarters has said that they are two."""
    pairs = set()
    for together in seen:
        first, *others = dict.fromkeys(together)
        pairs |= {(min(first, other), max(first, other)) for other in others}
    if pairs:
        await repository.note(tx, pairs=pairs, now=clock.now())


async def of_member(door: Door, *, member_id: uuid.UUID) -> list[TwinView]:
    """With whom she is perhaps one person, and nobody has said."""
    return await repository.of_member(door, member_id=member_id)


async def undecided(door: Door) -> list[uuid.UUID]:
    """Members of the pairs of whom nobody has said, pair by pair; so many at most."""
    pairs = await repository.undecided(door, limit=MOST_SHOWN)
    return list(dict.fromkeys(member_id for pair in pairs for member_id in pair))


async def say_two(door: Door, *, member_id: uuid.UUID, other_id: uuid.UUID, actor_id: uuid.UUID | None) -> None:
    """They are two people; ``NotFound`` where nobody took them for one."""
    pair = (min(member_id, other_id), max(member_id, other_id))
    if not await repository.decide(door, pair=pair, actor_id=actor_id, now=clock.now()):
        raise NotFound(member_id=str(member_id))
