"""``yundian serve``: granian with the settings of this process handed down to its workers."""

import contextlib
import ctypes
import os

from granian import Granian
from granian.constants import HTTPModes, Interfaces, Loops, RuntimeModes

from yundian.app.config import as_environment, share_figures
from yundian.platform.core import garbage
from yundian.platform.core.settings import Settings

_BACKLOG = 2048
_M_ARENA_MAX, _M_MMAP_THRESHOLD = -8, -3
# Longer than the slowest statement, shorter than the supervisor's patience.
_DRAIN_S = 15


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then finish the requests in hand."""
    # Workers are fresh processes: they read their settings from the environment.
    _give_memory_back()
    share_figures()
    os.environ.update({name: value for name, value in as_environment(settings).items() if value})
    Granian(
        "yundian.app.serve:application",
        factory=True,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        # What a proxy speaks to us; and one thread beside Python's: more of them only fight for its lock.
        http=HTTPModes.http1,
        runtime_mode=RuntimeModes.st,
        address=settings.host,
        port=settings.port,
        workers=settings.web_workers,
        backlog=_BACKLOG,
        respawn_failed_workers=True,
        workers_kill_timeout=_DRAIN_S,
        log_access=False,
    ).serve()


def application() -> object:
    """What a web process serves: an ASGI application."""
    # The parent process only watches over this one and needs none of it.
    with garbage.loading():
        from yundian.app.asgi import create_app  # noqa: PLC0415

        app = create_app()
    garbage.settle()
    return app


def _give_memory_back() -> None:
    """Hashing a password takes 19 MiB for a moment; glibc would keep them, in a heap per thread, for good."""
    with contextlib.suppress(AttributeError, OSError):
        glibc = ctypes.CDLL(None)
        glibc.mallopt(_M_ARENA_MAX, 1)
        glibc.mallopt(_M_MMAP_THRESHOLD, 1_048_576)
