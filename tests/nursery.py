"""Processes of the house for tests that kill them: forked from one that has loaded everything already.

A process that begins from nothing imports for seconds of the processor's time, and the tests start hundreds.
``tests/app`` and ``tests/embedded`` start theirs as people do.
"""

import atexit
import contextlib
import importlib
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from yundian.platform.core import clock, steps
from yundian.platform.core.settings import Settings

ROOT = Path(__file__).parents[1]

_LOADED = [
    "yundian.app.asgi",
    "yundian.app.cli",
    "yundian.app.serve",
    "yundian.app.worker",
    "yundian.app.refusals",
    "yundian.sandbox.app",
    "tests.nursery",
    "tests.courier_room",
]


class Nursling:
    """A running process, with what tests use of ``subprocess.Popen``; it leads a session of its own."""

    def __init__(self, module: str, *arguments: str, environment: Mapping[str, str], log: Path) -> None:
        """Begin ``python -m module arguments`` with exactly this environment, all output into ``log``.

        Raises:
            EOFError: it died before it began.
        """
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(_LOADED)
        ours, theirs = context.Pipe(duplex=False)
        self._process: ForkServerProcess = context.Process(
            target=_live, args=(theirs, module, arguments, dict(environment), str(log))
        )
        with contextlib.closing(ours), contextlib.closing(theirs):
            self._process.start()
            theirs.close()
            ours.recv()
        assert self._process.pid is not None
        self.pid = self._process.pid
        # What a failed test leaves behind must not outlive the run, nor make its end wait.
        atexit.register(self.kill)

    @property
    def returncode(self) -> int:
        code = self.poll()
        assert code is not None, "it runs"
        return code

    def poll(self) -> int | None:
        """Its exit code, the negative number of the signal that ended it, or ``None`` while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, when it has ended. Raises ``subprocess.TimeoutExpired``."""
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        atexit.unregister(self.kill)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run(module: str, *arguments: str, environment: Mapping[str, str], seconds: float = 60) -> tuple[int, str]:
    """The exit code of ``python -m module arguments``, and what it said. Raises ``subprocess.TimeoutExpired``."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "said"
        child = Nursling(module, *arguments, environment=environment, log=log)
        try:
            return child.wait(seconds), log.read_text(errors="replace")
        finally:
            child.kill()


def _live(
    said: Connection, module: str, arguments: tuple[str, ...], environment: dict[str, str], log: str
) -> None:
    """What a fresh process would find: session, environment, folder, output."""
    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    # What it starts in turn, the processes of a web server, need not load anything either.
    multiprocessing.set_start_method("fork", force=True)
    # These read the environment when they are loaded.
    importlib.reload(steps)
    importlib.reload(clock)
    Settings.model_config["env_file"] = Path(environment.get("YUNDIAN_VAR_DIR", "var")) / "embedded.env"
    said.send(os.getpid())
    said.close()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
