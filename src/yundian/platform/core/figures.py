"""Figures for monitors: what the processes of one machine count, added up, whichever of them is asked.

Every process that counts keeps its figures in files of a folder that all share. Counts of one that has ended stay
in the sum, so that no counter ever goes down; its gauges vanish. A process lives as long as it holds the lock of
its own file: process ids come again, and say nothing across containers that share the folder.

Counters and gauges are taken from here, never from the library: how they are kept is decided before the first is
made. Without the folder (tests, commands) each process counts for itself.
"""

import contextlib
import fcntl
import os
import secrets
import struct
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest
from prometheus_client import mmap_dict as untyped_mmap_dict
from prometheus_client import multiprocess as untyped_multiprocess
from prometheus_client import values as untyped_values
from prometheus_client.registry import Collector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
MEDIA_TYPE = "text/plain; version=0.0.4"
TICK_S = 5.0

_ALIVE = ".alive"
_GONE = "gone"
_BROKEN = (RuntimeError, ValueError, struct.error)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Neither does anybody come meanwhile, nor is anybody's last count taken twice."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class _Presence:
    """The name under which this process counts; a fork gets its own."""

    def __init__(self) -> None:
        self.pid = 0
        self.name = ""
        self.descriptor = -1

    def __call__(self) -> str:
        if self.pid != os.getpid():
            self.pid = os.getpid()
            self.name = f"{self.pid}-{secrets.token_hex(4)}"
            folder = Path(os.environ[FOLDER])
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with _alone(folder):
                self.descriptor = os.open(
                    folder / (self.name + _ALIVE), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
                )
                fcntl.lockf(self.descriptor, fcntl.LOCK_EX)
        return self.name


# The library does not say the types of these three.
_mmap_dict: Any = untyped_mmap_dict
_multiprocess: Any = untyped_multiprocess
_values: Any = untyped_values

_present = _Presence()
if FOLDER in os.environ:
    _values.ValueClass = _values.MultiProcessValue(_present)

__all__ = ["Counter", "Gauge", "Histogram", "of_machine", "of_process", "text"]

PROCESSES = Gauge("yundian_processes", "Processes of this machine", ["role"], multiprocess_mode="livesum")
MEMORY = Gauge("yundian_memory_bytes", "What they hold in memory", ["role"], multiprocess_mode="livesum")
CPU = Counter("yundian_cpu_seconds", "Processor time they have taken", ["role"])


class _Usage:
    """What this process has taken of the machine until now."""

    def __init__(self) -> None:
        self.process = psutil.Process()
        self.cpu_s = 0.0


_usage = _Usage()


def of_process(role: str) -> None:
    """Say that this process lives, what it holds and what it took: called every few seconds."""
    if _usage.process.pid != os.getpid():
        _usage.__init__()  # type: ignore[misc]
    taken_s = time.process_time()
    PROCESSES.labels(role).set(1)
    MEMORY.labels(role).set(_usage.process.memory_info().rss)
    CPU.labels(role).inc(max(0.0, taken_s - _usage.cpu_s))
    _usage.cpu_s = taken_s


def of_machine() -> CollectorRegistry:
    """What all processes of this machine have counted; without a shared folder, what this one has."""
    if not _is_shared():
        return REGISTRY
    registry = CollectorRegistry()
    registry.register(_Machine(Path(os.environ[FOLDER])))
    return registry


def text(*more: Metric) -> bytes:
    """What the machine counted, and these besides, in the form that Prometheus reads."""
    besides = CollectorRegistry()
    besides.register(_Told(more))
    return generate_latest(of_machine()) + generate_latest(besides)


class _Told(Collector):
    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Sequence[Metric]:
        return self._metrics


class _Machine(Collector):
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def describe(self) -> list[Metric]:
        """Nothing: the library would collect in order to know."""
        return []

    def collect(self) -> Iterator[Metric]:
        with _alone(self._folder):
            _fold(self._folder)
            every = _multiprocess.MultiProcessCollector(None, str(self._folder))
            try:
                found = every.collect()
            except _BROKEN:
                _forget_broken(self._folder)
                found = every.collect()
        yield from found


def _is_shared() -> bool:
    return bool(_values.ValueClass._multiprocess)


def _fold(folder: Path) -> None:
    """Add what processes that have ended counted to one file, and forget their gauges."""
    for alive in folder.glob("*" + _ALIVE):
        name = alive.name.removesuffix(_ALIVE)
        if name == _present.name or _is_locked(alive):
            continue
        for file in folder.glob(f"*_{name}.db"):
            kind = file.name.partition("_")[0]
            if kind != "gauge":
                _add(file, folder / f"{kind}_{_GONE}.db")
            file.unlink()
        alive.unlink()


def _add(file: Path, total: Path) -> None:
    """Add one process's counts; a file that a power cut left broken counts for nothing."""
    with contextlib.suppress(*_BROKEN):
        counted = list(_mmap_dict.MmapedDict.read_all_values_from_file(str(file)))
        sums = _mmap_dict.MmapedDict(str(total))
        for key, value, _at, _position in counted:
            sums.write_value(key, sums.read_value(key)[0] + value, 0.0)
        sums.close()


def _forget_broken(folder: Path) -> None:
    for file in folder.glob("*.db"):
        try:
            list(_mmap_dict.MmapedDict.read_all_values_from_file(str(file)))
        except _BROKEN:
            file.unlink()


def _is_locked(file: Path) -> bool:
    """Whether its process lives. Record locks belong to a process: they end with it, and no child inherits one."""
    with file.open("r+b") as opened:
        try:
            fcntl.lockf(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False
