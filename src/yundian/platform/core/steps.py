"""Labelled steps between effects, where tests make a process die or stand still.

In production ``step`` does nothing. A test starts a process with ``YUNDIAN_TEST_DIE_AT=label`` (or
``label:3`` for the third passing), and the process kills itself there with SIGKILL. Or with
``YUNDIAN_TEST_TRAPS=folder``: a file there with the label's name is a trap for the next one who passes. It holds
the number of a signal; whoever is caught renames it to ``label.pid`` and sends itself that signal.
"""

import os
import signal

_label, _, _count = os.environ.get("YUNDIAN_TEST_DIE_AT", "").partition(":")
_left = int(_count or 1)
_traps = os.environ.get("YUNDIAN_TEST_TRAPS", "")


def step(name: str) -> None:
    """Mark the point between two effects."""
    if name == _label:
        _die()
    if _traps:
        _pass(os.path.join(_traps, name))


def _die() -> None:
    global _left  # noqa: PLW0603  a countdown of this process's own death
    _left -= 1
    if _left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)


def _pass(trap: str) -> None:
    sprung = f"{trap}.{os.getpid()}"
    try:
        os.rename(trap, sprung)
        with open(sprung) as file:
            number = int(file.read())
    except OSError:
        return
    os.kill(os.getpid(), number)
