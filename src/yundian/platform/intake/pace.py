"""How Python shares its time while a thread maps records beside the loop."""

import contextlib
import gc
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

_SWITCH_S = 0.000_5
_OBJECTS = 100_000


@dataclass
class _Pace:
    """``busy`` threads, and what Python's clocks stood at before the first."""

    busy: int = 0
    switch_s: float = field(default_factory=sys.getswitchinterval)
    threshold: tuple[int, int, int] = field(default_factory=gc.get_threshold)


_pace = _Pace()


@contextlib.contextmanager
def beside_the_loop() -> Iterator[None]:
    """The loop goes on at once, not after Python's usual 5 ms; and what is made by the hundred thousand holds no
    circles, for which the collector looks only now and then meanwhile."""
    if not _pace.busy:
        _pace.switch_s, _pace.threshold = sys.getswitchinterval(), gc.get_threshold()
        sys.setswitchinterval(_SWITCH_S)
        gc.set_threshold(_OBJECTS, *_pace.threshold[1:])
    _pace.busy += 1
    try:
        yield
    finally:
        _pace.busy -= 1
        if not _pace.busy:
            sys.setswitchinterval(_pace.switch_s)
            gc.set_threshold(*_pace.threshold)
