"""A sandbox in a process of its own, and the hands that work it."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.nursery import Nursling

T = TypeVar("T")


def eventually(look: Callable[[], T | None], *, seconds: float = 15.0, what: str = "it") -> T:
    """Look until there is something; fail with ``what`` after the time is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s for {what}")


class RunningSandbox:
    """Started on a free port; survives ``kill_hard`` with ``start``."""

    def __init__(self, var_dir: Path, **settings: object) -> None:
        self.var_dir = var_dir
        self.port = _free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self._environment = {f"YUNDIAN_SANDBOX_{name.upper()}": str(value) for name, value in settings.items()}
        self._environment["YUNDIAN_SANDBOX_BASE_URL"] = self.base_url
        self._process: Nursling | None = None
        self.http = httpx.Client(base_url=self.base_url, trust_env=False, timeout=20)

    def set_variable(self, name: str, value: str) -> None:
        """A variable of its environment, from its next start on."""
        self._environment[name] = value

    def start(self) -> None:
        self.var_dir.mkdir(parents=True, exist_ok=True)
        self._process = Nursling(
            "tests.sandbox.alone",
            *(str(self.port), str(self.var_dir)),
            environment={**os.environ, **self._environment},
            log=self.var_dir / "sandbox.log",
        )
        eventually(self._answers, seconds=60, what="the sandbox to answer")

    def kill_hard(self) -> None:
        """SIGKILL to the server and its worker."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(timeout=30)
            self._process = None

    def go_on(self) -> None:
        """If it stands still."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGCONT)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=10)
        self.kill_hard()
        self.http.close()

    def _answers(self) -> bool:
        try:
            return self.http.get("/sandbox/api/health").status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """An order to the sandbox's own API."""
        answer = self.http.post(f"/sandbox/api/{path}", json=body or {})
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def get(self, path: str, **query: str) -> Any:
        answer = self.http.get(f"/sandbox/api/{path}", params=query)
        assert answer.is_success, answer.text
        return answer.json()

    def account(self, kind: str, name: str) -> dict[str, str]:
        made: dict[str, str] = self.post("accounts", {"kind": kind, "name": name})
        return made

    def break_it(self, kind: str, *, provider: str = "*", operation: str = "*", **more: Any) -> None:
        """Switch a fault on; ``remaining`` is 1 unless said otherwise (None: until cleared)."""
        rule = {"provider": provider, "operation": operation, "kind": kind, "remaining": 1, **more}
        self.post("faults", rule)

    def pay(self, provider: str, merchant: str, out_no: str, *, user_id: int = 1) -> str:
        order = {"provider": provider, "merchant": merchant, "out_no": out_no, "user_id": user_id}
        return str(self.post("pay", order)["number"])

    def books(self, merchant: str = "*") -> dict[str, list[dict[str, Any]]]:
        kept: dict[str, list[dict[str, Any]]] = self.get("books", merchant=merchant)
        return kept

    def notice(self, merchant: str, is_it: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """The first notice of a merchant for which something holds, as soon as it does."""
        return eventually(lambda: next(filter(is_it, self.notices(merchant)), None), what="such a notice")

    def notices(self, merchant: str) -> list[dict[str, Any]]:
        return self.books(merchant)["notices"]


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
