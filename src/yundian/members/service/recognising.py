"""Whose orders are these? Buyers of other systems by the thousand, in two statements."""

import asyncio
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import structlog

from yundian.members.repository import recognising as repository
from yundian.members.repository.people import Sealed
from yundian.members.repository.recognising import Key
from yundian.members.rules import STRENGTH
from yundian.members.service import twins
from yundian.members.service.joining import hash_of, sealed
from yundian.members.types import Buyer, Known
from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.errors import Unavailable
from yundian.platform.core.ids import new_id
from yundian.platform.db.database import Tx

log: structlog.stdlib.BoundLogger = structlog.get_logger("yundian.members")

# From here on keys are computed beside the loop.
_MANY = 200


@dataclass(slots=True)
class _Owned:
    """What is known of identities so far: whose they are, and who is closed."""

    member_of: dict[Key, uuid.UUID]
    closed: set[uuid.UUID]


async def recognise(tx: Tx, *, keyring: Keyring, wanted: Collection[Known]) -> dict[Known, uuid.UUID]:
    """The member of each identity, made where nobody has it; each is verified. See ``recognise_buyers``."""
    found = await recognise_buyers(tx, keyring=keyring, buyers={(known,) for known in wanted})
    return {buyer[0]: member_id for buyer, member_id in found.items()}


async def recognise_buyers(tx: Tx, *, keyring: Keyring, buyers: Collection[Buyer]) -> dict[Buyer, uuid.UUID]:
    """The member that each buyer's verified identities are together, made where nobody has any of them.

    Of several members the strongest identity decides, and headquarters is told that they may be one person;
    identities nobody has are hers from now on. A buyer without identities, or of a closed membership, is left out.
    Two statements for any number, four where somebody took an identity in the same moment; all take them in one
    order. Records no event: nobody signed in.
    """
    wanted = [buyer for buyer in buyers if buyer]
    if not wanted:
        return {}
    keys = await _keys(keyring, {known for buyer in wanted for known in buyer})
    # The same assignment, whatever order the buyers come in.
    wanted = sorted(({*wanted}), key=lambda buyer: [_place(known, keys) for known in _by_strength(buyer, keys)])
    owned = await _owned(tx, keys.values())
    fresh = _assign(wanted, keys, owned.member_of)
    if fresh:
        owned = await _make(tx, keyring, keys, owned, fresh)
    found, together = _answer(wanted, keys, owned)
    await twins.note(tx, seen=together)
    return found


async def _keys(keyring: Keyring, known: Collection[Known]) -> dict[Known, Key]:
    def compute() -> dict[Known, Key]:
        return {one: (one.kind, one.scope, hash_of(keyring, one)) for one in known}

    return compute() if len(known) < _MANY else await asyncio.to_thread(compute)


def _place(known: Known, keys: Mapping[Known, Key]) -> tuple[int, str, bytes]:
    """The one order in which identities are looked at and taken; that of sign-ins too."""
    return STRENGTH.index(known.kind), known.scope, keys[known][2]


def _by_strength(buyer: Buyer, keys: Mapping[Known, Key]) -> list[Known]:
    return sorted(buyer, key=lambda known: _place(known, keys))


async def _owned(tx: Tx, keys: Iterable[Key]) -> _Owned:
    found = await repository.owners(tx, keys=list(keys))
    member_of = {key: member_id for key, (member_id, _) in found.items()}
    return _Owned(member_of, {member_id for member_id, is_active in found.values() if not is_active})


def _assign(
    buyers: list[Buyer], keys: Mapping[Known, Key], member_of: Mapping[Key, uuid.UUID]
) -> dict[Key, uuid.UUID]:
    """Whose the identities are that nobody has: their buyer's, whom her strongest known identity tells."""
    fresh: dict[Key, uuid.UUID] = {}
    for buyer in buyers:
        own = [keys[known] for known in _by_strength(buyer, keys)]
        held = [found for key in own if (found := member_of.get(key) or fresh.get(key))]
        member_id = held[0] if held else new_id()
        fresh |= {key: member_id for key in own if key not in member_of and key not in fresh}
    return fresh


async def _make(
    tx: Tx, keyring: Keyring, keys: Mapping[Known, Key], owned: _Owned, fresh: Mapping[Key, uuid.UUID]
) -> _Owned:
    """Take the identities; what somebody took a moment before is hers."""
    known = sorted((one for one, key in keys.items() if key in fresh), key=lambda one: _place(one, keys))

    def seal() -> list[tuple[Sealed, uuid.UUID]]:
        return [(sealed(keyring, one), fresh[keys[one]]) for one in known]

    identities = seal() if len(known) < _MANY else await asyncio.to_thread(seal)
    made = sorted(set(fresh.values()) - set(owned.member_of.values()))
    taken = await repository.add(tx, identities=identities, fresh=made, now=clock.now())
    missed = [keys[one] for one in known if keys[one] not in taken]
    if not missed:
        return _Owned(owned.member_of | taken, owned.closed)
    faster = await _owned(tx, missed)
    if len(faster.member_of) < len(missed):
        raise Unavailable
    # The strongest of what somebody took first says who a new member really is.
    folded = {fresh[key]: faster.member_of[key] for key in reversed(missed) if fresh[key] in made}
    await repository.fold(tx, members=folded)
    mine = {key: folded.get(member_id, member_id) for key, member_id in taken.items()}
    return _Owned(owned.member_of | mine | faster.member_of, owned.closed | faster.closed)


def _answer(
    buyers: list[Buyer], keys: Mapping[Known, Key], owned: _Owned
) -> tuple[dict[Buyer, uuid.UUID], list[list[uuid.UUID]]]:
    """Who each buyer is, and members that the identities of one buyer name together."""
    found: dict[Buyer, uuid.UUID] = {}
    together: list[list[uuid.UUID]] = []
    for buyer in buyers:
        members = [owned.member_of[keys[known]] for known in _by_strength(buyer, keys)]
        if len(set(members)) > 1:
            log.info("members.seen_twice", member_id=str(members[0]), others=len(set(members)) - 1)
            together.append(members)
        if members[0] not in owned.closed:
            found[buyer] = members[0]
    return found, together
