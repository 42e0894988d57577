"""``yundian up`` as its user meets it: a real process, real servers, real kills; it leaves nothing behind."""

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.helpers import wait_until
from yundian.platform.embedded import process
from yundian.platform.embedded.postgres import EmbeddedPostgres
from yundian.platform.embedded.valkey import EmbeddedValkey

pytestmark = [pytest.mark.anyio, pytest.mark.faults, pytest.mark.timeout(180)]

_REPLACED = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "YUNDIAN_PORT", "YUNDIAN_HOST")


class Up:
    """One ``yundian up`` in a folder of its own."""

    def __init__(self, folder: Path, *arguments: str, port: int | None = None) -> None:
        self.folder = folder
        self.port = port or process.free_port()
        self.output = folder.parent / "up.txt"
        environment = {name: value for name, value in os.environ.items() if name not in _REPLACED}
        self.environment = {**environment, "YUNDIAN_VAR_DIR": str(folder), "PYTHONUNBUFFERED": "1"}
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "yundian", "up", "--no-demo", "--port", str(self.port), *arguments],
                env=self.environment,
                cwd=folder.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self.output.read_text()

    async def is_ready(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"it ended with {self.process.returncode}:\n{self.said}")
        with contextlib.suppress(httpx.HTTPError):
            async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
                return (await client.get(f"http://127.0.0.1:{self.port}/readyz")).is_success
        return False

    async def ready(self) -> "Up":
        await wait_until(self.is_ready, seconds=60, what=f"a ready page; it said:\n{self.said}")
        return self

    def finish(self, number: signal.Signals = signal.SIGTERM, *, seconds: float = 30) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=seconds)

    def left(self) -> list[str]:
        """Everything alive that belongs to the folder."""
        found = []
        for one in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                mine = one.environ().get("YUNDIAN_SUPERVISED_IN") == str(self.folder)
                if mine or self.folder in (Path(one.cwd()), *Path(one.cwd()).parents):
                    found.append(f"{one.pid} {one.name()}")
        return found

    def children(self, command: str) -> list[psutil.Process]:
        return [one for one in psutil.Process(self.process.pid).children() if command in one.cmdline()]


Start = Callable[..., Up]


@pytest.fixture(scope="module")
def folder(scratch: Path) -> Iterator[Path]:
    """One data folder for all tests here: only the first start makes a cluster."""
    place = scratch / "up" / "var"
    place.mkdir(parents=True)
    yield place
    EmbeddedValkey(place / "valkey").destroy()
    EmbeddedPostgres(place / "postgres").destroy()


@pytest.fixture
async def start(folder: Path) -> AsyncIterator[Start]:
    started: list[Up] = []

    def begin(*arguments: str, port: int | None = None) -> Up:
        started.append(Up(folder, *arguments, port=port))
        return started[-1]

    yield begin
    for one in started:
        if one.process.poll() is None:
            one.finish()


def _until_gone(pid: int) -> Callable[[], Awaitable[bool]]:
    async def gone() -> bool:
        return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE

    return gone


async def test_it_comes_up_tells_other_terminals_and_leaves_nothing(start: Start, folder: Path) -> None:
    house = await start().ready()
    env_file = folder / "embedded.env"
    assert stat.S_IMODE(env_file.stat().st_mode) == 0o600

    def doctor() -> dict[str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "yundian", "doctor", "--json"],
            env=house.environment,
            cwd=folder.parent,
            capture_output=True,
            check=False,
        )
        return {line["check"]: line["level"] for line in json.loads(done.stdout)}

    levels = doctor()
    sound = ("settings", "database", "roles", "schema", "redis", "queue", "web")
    assert {name: levels[name] for name in sound} == dict.fromkeys(sound, "ok")

    async def panel() -> bool:
        return f"http://127.0.0.1:{house.port}" in house.said

    await wait_until(panel, what="the panel with the address")
    assert house.finish() == 0
    assert house.left() == []
    assert not env_file.exists()


async def test_the_second_start_is_quick(start: Start) -> None:
    started = time.monotonic()
    house = await start().ready()
    assert time.monotonic() - started < 10
    assert house.finish(signal.SIGINT) == 0
    assert house.left() == []


async def test_web_worker_and_servers_come_back_after_kill_9(start: Start, folder: Path) -> None:
    house = await start().ready()
    web, worker = house.children("serve"), house.children("worker")
    postgres, valkey = EmbeddedPostgres(folder / "postgres"), EmbeddedValkey(folder / "valkey")
    assert postgres.postmaster_pid is not None
    assert valkey.pid is not None
    for pid in (web[0].pid, worker[0].pid, postgres.postmaster_pid, valkey.pid):
        os.kill(pid, signal.SIGKILL)

    async def all_back() -> bool:
        return bool(house.children("serve") and house.children("worker") and await house.is_ready())

    await wait_until(_until_gone(web[0].pid))
    await wait_until(all_back, seconds=30, what="the house after the kills")
    assert not {web[0].pid, worker[0].pid} & {one.pid for one in psutil.Process(house.process.pid).children()}
    assert house.finish(signal.SIGHUP) == 0
    assert house.left() == []


async def test_after_kill_9_of_itself_the_next_one_takes_over(start: Start) -> None:
    killed = await start().ready()
    killed.process.kill()
    killed.process.wait()
    orphans = killed.left()
    assert orphans
    house = await start(port=killed.port).ready()
    assert house.finish() == 0
    assert house.left() == []


async def test_a_second_one_in_the_same_folder_is_refused(start: Start) -> None:
    first = await start().ready()
    second = start()
    assert second.process.wait(timeout=30) == 1
    assert "already runs" in second.said
    assert await first.is_ready()


async def test_a_named_port_that_is_taken_is_an_error(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        house = start(port=port)
        assert house.process.wait(timeout=30) == 1
    assert f"Port {port} is taken" in house.said
    assert house.left() == []


@pytest.mark.parametrize("after_s", [0.7, 1.3, 2.0, 2.8])
async def test_stopping_in_the_middle_of_starting_leaves_nothing(start: Start, after_s: float) -> None:
    house = start()
    with contextlib.suppress(subprocess.TimeoutExpired):
        house.process.wait(timeout=after_s)
    assert house.finish() in {0, -signal.SIGTERM}
    assert house.left() == []
