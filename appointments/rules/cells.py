"""Sets of cells of five minutes: one large integer each, whose bits are the cells."""

import re
from collections.abc import Iterable

from appointments.rules.days import REGULAR

_SET = re.compile("1")


class _Runs(dict[int, int]):
    """So many cells in a row."""

    def __missing__(self, length: int) -> int:
        run = (1 << length) - 1
        if length <= REGULAR:
            self[length] = run
        return run


RUNS = _Runs()


def shifted(mask: int, by: int) -> int:
    return mask << by if by >= 0 else mask >> -by


def eroded(mask: int, length: int) -> int:
    """The cells from which on ``length`` cells in a row are in the set."""
    have = 1
    while have * 2 <= length:
        mask &= mask >> have
        have *= 2
    return mask & mask >> (length - have)


def union(masks: Iterable[int]) -> int:
    found = 0
    for mask in masks:
        found |= mask
    return found


def set_of(bits: Iterable[int]) -> int:
    return union(1 << bit for bit in bits if bit >= 0)


def bits_of(mask: int) -> list[int]:
    """Which are set, in order."""
    return [found.start() for found in _SET.finditer(bin(mask)[:1:-1])] if mask else []
