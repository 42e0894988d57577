"""Takes documents in together; what the database refuses, though no rule of ours does, is found by halving."""

from collections.abc import Sequence

import asyncpg

from yundian.channels.service import receiving
from yundian.channels.types import Outcome, Received
from yundian.platform.core.crypto import Keyring
from yundian.platform.db.database import Tx
from yundian.platform.intake.types import Problem

REFUSED_BY_DATABASE = "channels.refused_by_database"

Taken = tuple[Outcome, Problem | None]


async def take_each(tx: Tx, *, keyring: Keyring, channel: str, received: Sequence[Received]) -> list[Taken]:
    """What became of each, in their order. One that the database refuses stands alone, the others go in."""
    if not received:
        return []
    try:
        async with tx.savepoint():
            taken = await receiving.take_in(tx, keyring=keyring, channel=channel, received=received)
    except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
        if len(received) == 1:
            return [(Outcome.REFUSED, Problem(REFUSED_BY_DATABASE, type(error).__name__))]
        middle = len(received) // 2
        first = await take_each(tx, keyring=keyring, channel=channel, received=received[:middle])
        return first + await take_each(tx, keyring=keyring, channel=channel, received=received[middle:])
    return [(outcome, taken.refused.get(position)) for position, outcome in enumerate(taken.outcomes)]
