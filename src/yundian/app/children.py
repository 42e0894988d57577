"""Child processes of ``yundian up``: started in a group of their own, restarted with back-off, ended whole."""

import contextlib
import os
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from yundian.app.config import SUPERVISED
from yundian.platform.embedded.process import end

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 15.0
_STEADY_S = 30.0
_LOG_KEPT_BYTES = 20 * 1024 * 1024


@dataclass
class Child:
    """One supervised process. ``log`` is where its output goes; ``None`` shows it on our own terminal."""

    name: str
    command: list[str]
    environment: dict[str, str]
    folder: Path
    log: Path | None
    deaths: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _started_at: float = 0.0
    _next_try_at: float = 0.0

    def start(self) -> None:
        """Start it in its own process group, so that Ctrl-C reaches it through us only."""
        self._started_at = time.monotonic()
        with contextlib.ExitStack() as files:
            output = None
            if self.log is not None:
                _trim(self.log)
                output = files.enter_context(self.log.open("ab"))
            self._process = subprocess.Popen(  # noqa: S603  (our own command)
                self.command,
                env={**os.environ, **self.environment, SUPERVISED: str(self.folder)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def tend(self) -> int | None:
        """Restart it if it died and its pause is over; the exit code of a death seen just now, else ``None``."""
        if self._process is None:
            if time.monotonic() >= self._next_try_at:
                self.start()
            return None
        code = self._process.poll()
        if code is None:
            return None
        self.end_group()
        steady = time.monotonic() - self._started_at > _STEADY_S
        self.deaths = 1 if steady else self.deaths + 1
        pause = min(_FIRST_PAUSE_S * 2 ** (self.deaths - 1), _LONGEST_PAUSE_S)
        self._next_try_at = time.monotonic() + pause
        self._process = None
        return code

    def ask_to_stop(self) -> None:
        """SIGTERM to the process itself; it ends its own workers gracefully."""
        if self._process is not None:
            self._process.terminate()

    def wait_and_end(self, *, patience_s: float) -> None:
        """Wait for the graceful end, then end whatever is left of its group."""
        if self._process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=patience_s)
        self.end_group()
        self._process = None

    def end_group(self) -> None:
        """SIGKILL to the process and to workers that outlived it."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, 9)
        self._process.wait()

    def last_words(self, lines: int = 15) -> str:
        """The end of its log."""
        if self.log is None or not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def end_leftovers(folder: Path) -> int:
    """End what a killed ``yundian up`` of the same folder left running; how many processes that were."""
    left = [process for process in psutil.process_iter() if _is_marked(process, str(folder))]
    end(left, patience_s=10)
    return len(left)


def _is_marked(process: psutil.Process, folder: str) -> bool:
    try:
        return process.pid != os.getpid() and str(process.environ().get(SUPERVISED, "")) == folder
    except (psutil.Error, OSError):
        return False


def _trim(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > _LOG_KEPT_BYTES:
        log.replace(log.with_suffix(".old.log"))
