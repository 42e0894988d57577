"""``yundian up`` as its user meets it: a real process, real servers, real kills; it leaves nothing behind."""

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import anyio
import httpx
import psutil
import pytest

from tests import clusters
from tests.helpers import wait_until
from yundian.platform.embedded import process
from yundian.platform.embedded.postgres import EmbeddedPostgres
from yundian.platform.embedded.valkey import EmbeddedValkey

pytestmark = [pytest.mark.anyio, pytest.mark.faults, pytest.mark.timeout(180)]

_REPLACED = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "YUNDIAN_PORT", "YUNDIAN_HOST")


class Up:
    """One ``yundian up`` in a folder of its own."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        port: int | None = None,
        sandbox: bool = False,
        more: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.port = port or process.free_port()
        self.output = folder.parent / f"up-{self.port}.txt"
        environment = {name: value for name, value in os.environ.items() if name not in _REPLACED}
        given = {"YUNDIAN_VAR_DIR": str(folder), "YUNDIAN_SANDBOX": str(sandbox), "PYTHONUNBUFFERED": "1"}
        self.environment = {**environment, **given, **(more or {})}
        for number in (signal.SIGINT, signal.SIGHUP):
            # Background jobs and nohup ignore these; what we start would inherit it, and ``up`` honours it.
            if signal.getsignal(number) is signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)
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
        """Wait for the panel, which is printed when the page answers."""

        async def panel() -> bool:
            return await self.is_ready() and "Ctrl-C stops everything" in self.said

        await wait_until(panel, seconds=90, what="the panel")
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

    async def figures(self, *, port: str = "") -> dict[str, float]:
        """What ``/metrics`` tells, of the pages or on another port."""
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            answer = await client.get(f"http://127.0.0.1:{port or self.port}/metrics")
        lines = (line.rpartition(" ") for line in answer.text.splitlines() if not line.startswith("#"))
        return {name: float(value) for name, _, value in lines}

    def web_processes(self) -> list[int]:
        return [one.pid for pid in self.children("serve") for one in psutil.Process(pid).children()]

    def children(self, command: str) -> list[int]:
        found = []
        for one in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.Error):
                if command in one.cmdline():
                    found.append(one.pid)
        return found


Start = Callable[..., Up]


@pytest.fixture(scope="module")
def folder(scratch: Path) -> Iterator[Path]:
    """A data folder for starts and stops; only the first start makes a cluster."""
    with _folder(scratch / "starts") as place:
        yield place


@pytest.fixture(scope="module")
async def house(scratch: Path) -> AsyncIterator[Up]:
    """One house for the tests that need it running."""
    with _folder(scratch / "running") as place:
        clusters.plant(place / "postgres")
        watched = {"YUNDIAN_WEB_WORKERS": "2", "YUNDIAN_METRICS_PORT": str(process.free_port())}
        house = Up(place, sandbox=True, more=watched)
        with _ended(house):
            yield await house.ready()


@contextlib.contextmanager
def _ended(house: Up) -> Iterator[None]:
    try:
        yield
    finally:
        if house.process.poll() is None:
            house.finish()


@contextlib.contextmanager
def _folder(above: Path) -> Iterator[Path]:
    place = above / "var"
    place.mkdir(parents=True)
    yield place
    EmbeddedValkey(place / "valkey").destroy()
    EmbeddedPostgres(place / "postgres").destroy()


@pytest.fixture
async def start(folder: Path) -> AsyncIterator[Start]:
    started: list[Up] = []

    def begin(*arguments: str, port: int | None = None, sandbox: bool = False) -> Up:
        started.append(Up(folder, *arguments, port=port, sandbox=sandbox))
        return started[-1]

    yield begin
    for one in started:
        if one.process.poll() is None:
            one.finish()


async def test_doctor_in_another_terminal_finds_everything(house: Up) -> None:
    assert stat.S_IMODE((house.folder / "embedded.env").stat().st_mode) == 0o600
    done = await anyio.run_process(
        [sys.executable, "-m", "yundian", "doctor", "--json"],
        env=house.environment,
        cwd=house.folder.parent,
        check=False,
    )
    levels = {line["check"]: line["level"] for line in json.loads(done.stdout)}
    sound = ("settings", "database", "roles", "schema", "redis", "queue", "workers", "web")
    assert {name: levels[name] for name in sound} == dict.fromkeys(sound, "ok")


async def test_a_second_one_in_the_same_folder_is_refused(house: Up) -> None:
    second = Up(house.folder)
    assert second.process.wait(timeout=30) == 1
    assert "already runs" in second.said
    assert await house.is_ready()


async def test_the_sandbox_is_there_and_everybody_knows_where(house: Up) -> None:
    told = _told(house.folder)
    books = json.loads((house.folder / "sandbox" / "credentials.json").read_text())
    async with httpx.AsyncClient(trust_env=False) as client:
        health = await client.get(f"{told['YUNDIAN_WECHAT_URL']}/sandbox/api/health")

    assert health.is_success
    assert f"{told['YUNDIAN_WECHAT_URL']}/cashier" in house.said
    assert (books["base_url"], books["sms"]) == (
        told["YUNDIAN_WECHAT_URL"],
        {"send_url": told["YUNDIAN_SMS_URL"], "key": told["YUNDIAN_SMS_KEY"]},
    )
    for pid in (*house.children("serve"), *house.children("worker")):
        seen = psutil.Process(pid).environ()
        names = ("YUNDIAN_WECHAT_URL", "YUNDIAN_SMS_URL", "YUNDIAN_SMS_KEY")
        assert [seen[name] for name in names] == [told[name] for name in names]


async def test_whichever_process_is_asked_tells_of_all_and_one_that_is_killed_takes_no_count_away(
    house: Up,
) -> None:
    served, alive = (
        'yundian_http_request_seconds_count{operation="house.healthz",status="200"}',
        "yundian_processes",
    )

    async def both_serve() -> bool:
        return len(house.web_processes()) == 2 and (await house.figures())[alive + '{role="web"}'] == 2

    await wait_until(both_serve, seconds=60, what="two web processes")
    for _ in range(24):
        # A connection each: they come to both processes.
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            (await client.get(f"http://127.0.0.1:{house.port}/healthz")).raise_for_status()
    before = await house.figures()
    first, second = house.web_processes()
    os.kill(first, signal.SIGKILL)

    async def is_forgotten() -> bool:
        with contextlib.suppress(httpx.HTTPError):
            return house.web_processes() != [first, second] and first not in house.web_processes()
        return False

    await wait_until(is_forgotten, seconds=30, what="the process that was killed to be gone")
    of_worker = await house.figures(port=house.environment["YUNDIAN_METRICS_PORT"])

    async def all_told() -> bool:
        return (await house.figures())[served] >= before[served]

    assert before[served] >= 24
    assert before[alive + '{role="worker"}'] == 1
    assert of_worker[served] >= before[served]
    assert of_worker[alive + '{role="worker"}'] == 1
    await wait_until(all_told, seconds=30, what="the counts of all")
    await wait_until(both_serve, seconds=60, what="a process in its place")


async def test_web_worker_sandbox_and_servers_come_back_after_kill_9(house: Up) -> None:
    postgres, valkey = EmbeddedPostgres(house.folder / "postgres"), EmbeddedValkey(house.folder / "valkey")
    first = _children(house)
    assert len(first) == 3
    assert postgres.postmaster_pid is not None
    assert valkey.pid is not None
    for pid in (*first, postgres.postmaster_pid, valkey.pid):
        os.kill(pid, signal.SIGKILL)

    async def all_back() -> bool:
        now = _children(house)
        return len(now) == 3 and not now & first and await house.is_ready()

    await wait_until(all_back, seconds=60, what="the house after the kills")


def _told(folder: Path) -> dict[str, str]:
    """What other terminals are told."""
    lines = (folder / "embedded.env").read_text().splitlines()
    return {name: value.strip("'") for name, _, value in (line.partition("=") for line in lines)}


def _addresses(folder: Path) -> tuple[str, str]:
    return EmbeddedPostgres(folder / "postgres").app_url, EmbeddedValkey(folder / "valkey").url


def _children(house: Up) -> set[int]:
    return {pid for command in ("serve", "worker", "sandbox") for pid in house.children(command)}


async def test_ctrl_c_leaves_nothing_and_the_next_start_keeps_all_even_after_kill_9(
    house: Up,
) -> None:
    """The last of the tests with one house: it ends it."""
    addresses = _addresses(house.folder)
    assert house.finish(signal.SIGINT) == 0
    assert house.left() == []
    assert not (house.folder / "embedded.env").exists()

    # How quick the next start is, benchmarks/start.py says: here others use the machine at the same time.
    second = Up(house.folder)
    with _ended(second):
        await second.ready()
        assert second.children("sandbox") == []
        assert "YUNDIAN_WECHAT_URL" not in _told(house.folder)
        assert _addresses(house.folder) == addresses
        second.process.kill()
        second.process.wait()
        assert second.left()

    third = Up(house.folder, port=second.port)
    with _ended(third):
        await third.ready()
        assert _addresses(house.folder) == addresses
        assert third.finish(signal.SIGHUP) == 0
    assert third.left() == []


async def test_a_named_port_that_is_taken_is_an_error(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        house = start(port=port)
        assert house.process.wait(timeout=30) == 1
    assert f"Port {port} is taken" in house.said
    assert house.left() == []


@pytest.mark.parametrize("after_s", [0.7, 1.5, 2.8])
async def test_stopping_in_the_middle_of_starting_leaves_nothing(start: Start, after_s: float) -> None:
    house = start()
    with contextlib.suppress(subprocess.TimeoutExpired):
        house.process.wait(timeout=after_s)
    assert house.finish() in {0, -signal.SIGTERM}
    assert house.left() == []
