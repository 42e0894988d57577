"""Labelled steps between effects, where tests make a process die.

In production ``step`` does nothing. A test starts a process with ``YUNDIAN_TEST_DIE_AT=label`` (or
``label:3`` for the third passing), and the process kills itself there with SIGKILL.
"""

import os
import signal

_label, _, _count = os.environ.get("YUNDIAN_TEST_DIE_AT", "").partition(":")
_left = int(_count or 1)


def step(name: str) -> None:
    """Mark the point between two effects."""
    if name == _label:
        _die()


def _die() -> None:
    global _left  # noqa: PLW0603  a countdown of this process's own death
    _left -= 1
    if _left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
