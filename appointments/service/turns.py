"""Whom to try first, when several bookings of one process run at once.

Without it all of them would try the person booked longest ago, wait for each other, and then try the next.
Only a hint: whoever comes last is still tried, and the database decides.
"""

import contextlib
import itertools
import uuid
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from contextvars import ContextVar

# More are not being booked by one process while somebody makes up her mind.
_REMEMBERED = 512

_moments = itertools.count(1)
_tried: Counter[uuid.UUID] = Counter()
_ended: OrderedDict[uuid.UUID, int] = OrderedDict()


class _Turn:
    """One attempt at a booking, from before it looks until its transaction has ended."""

    def __init__(self) -> None:
        self.began = next(_moments)
        self.trying: list[uuid.UUID] = []


_turn: ContextVar[_Turn | None] = ContextVar("appointments_turn", default=None)


@contextlib.contextmanager
def turn() -> Iterator[None]:
    """Around an attempt: what it tries, others try last until they can have seen what became of it."""
    mine = _Turn()
    token = _turn.set(mine)
    try:
        yield
    finally:
        _turn.reset(token)
        for one in mine.trying:
            _tried[one] -= 1
            if not _tried[one]:
                del _tried[one]
            _ended[one] = next(_moments)
            _ended.move_to_end(one)
        while len(_ended) > _REMEMBERED:
            _ended.popitem(last=False)


def in_turn(resources: Sequence[uuid.UUID]) -> list[uuid.UUID]:
    """In their order, but later those whom others try, or tried after this attempt began to look.

    The first of them is what this attempt tries, and others do not.
    """
    mine = _turn.get()
    if mine is None or not resources:
        return list(resources)
    lately = itertools.takewhile(lambda one: _ended[one] > mine.began, reversed(_ended))
    avoided = {*_tried, *lately}
    at = next((index for index, one in enumerate(resources) if one not in avoided), 0)
    mine.trying.append(resources[at])
    _tried[resources[at]] += 1
    return [*resources[at:], *resources[:at]]
