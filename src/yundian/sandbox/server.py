"""``yundian sandbox``: the sandbox in a process of its own, on loopback only."""

import ipaddress
import os
from pathlib import Path

from granian import Granian
from granian.constants import Interfaces, Loops
from litestar import Litestar

from yundian.sandbox.config import SandboxConfig


class NotLoopback(ValueError):
    """Whoever reaches the sandbox can pay, log in as anybody and read its keys."""


def run(host: str, port: int, var_dir: Path) -> None:
    """Serve until SIGTERM or SIGINT. Raises ``NotLoopback``.

    ``YUNDIAN_SANDBOX_BASE_URL`` says how browsers reach it, where that is not this address.
    """
    if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
        raise NotLoopback(f"{host} is not a loopback address")
    os.environ.setdefault("YUNDIAN_SANDBOX_BASE_URL", f"http://{host}:{port}")
    # The worker is a fresh process: it reads its settings from the environment.
    os.environ["YUNDIAN_SANDBOX_VAR_DIR"] = str(var_dir.absolute())
    Granian(
        "yundian.sandbox.server:application",
        factory=True,
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,
        address=host,
        port=port,
        workers=1,
        respawn_failed_workers=True,
        log_access=False,
    ).serve()


def application() -> Litestar:
    """What the worker process serves."""
    # The parent process only watches over this one and needs none of it.
    from yundian.sandbox.app import create_app  # noqa: PLC0415

    return create_app(SandboxConfig())
