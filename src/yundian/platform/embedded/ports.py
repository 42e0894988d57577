"""Ports of this machine, kept from the moment they are chosen until their server, started later, is gone.

A kept port is bound and nobody listens on it: the server that it is for listens beside it (``SO_REUSEPORT``, which
granian sets), a stranger is refused. Without that, two houses that start at once would choose the same ports, and
the kernel would share their visitors among them.
"""

import os
import socket
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from yundian.platform.embedded.process import LOOPBACK, exclusive, port_is_free


@dataclass(frozen=True)
class Port:
    """A port of the loopback address; ``socket`` keeps it until it is closed, where the system can do that."""

    number: int
    socket: socket.socket | None

    def close(self) -> None:
        """Let others have it."""
        if self.socket is not None:
            self.socket.close()


def keep_first_free(numbers: Iterable[int]) -> Port | None:
    """The first of these that nobody has; ``None`` when all are taken."""
    # Looking and keeping are two steps: one process at a time.
    with exclusive(Path(tempfile.gettempdir()) / f"yundian-ports-{os.geteuid()}"):
        for number in numbers:
            if port_is_free(number):
                return Port(number, _kept(number))
    return None


def _kept(number: int) -> socket.socket | None:
    """``None`` on systems that would send visitors to a socket on which nobody listens, or where the port still
    ends connections of a server that did not share it."""
    if sys.platform != "linux":
        return None
    kept = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        kept.bind((LOOPBACK, number))
    except OSError:
        kept.close()
        return None
    return kept
