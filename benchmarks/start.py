"""How long ``make up`` takes in a fresh clone, and the second time: wall clock to a ready page, and CPU seconds.

    .venv/bin/python benchmarks/start.py [--keep]

Goals: 90 s fresh with the packages at hand, 10 s again. CPU seconds tell a slow machine from slow code.
"""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
FRESH_GOAL_S, AGAIN_GOAL_S = 90.0, 10.0
_LONGEST_S = 300.0


@dataclass(frozen=True)
class Start:
    """One ``make up``, from the command to a ready page."""

    seconds: float
    cpu_seconds: float
    stop_seconds: float
    memory_mib: dict[str, float]


def main() -> None:
    """Clone, start twice, print, and fail when a goal is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--keep", action="store_true", help="keep the clone")
    keep = parser.parse_args().keep
    above = Path(tempfile.mkdtemp(prefix="yundian-start-"))
    above.chmod(0o755)
    try:
        clone = above / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        fresh, again = _start(clone), _start(clone)
    finally:
        if not keep:
            shutil.rmtree(above, ignore_errors=True)
    missed = _report("fresh", fresh, FRESH_GOAL_S) + _report("again", again, AGAIN_GOAL_S)
    sys.exit(missed)


def _start(clone: Path) -> Start:
    port = _free_port()
    began, cpu_before = time.monotonic(), os.times()
    with (clone.parent / "up.txt").open("a") as output:
        process = subprocess.Popen(
            ["make", "up", f"ARGS=--port {port}"],
            cwd=clone,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    while not _is_ready(port):
        if process.poll() is not None or time.monotonic() - began > _LONGEST_S:
            sys.exit(f"make up did not come up:\n{(clone.parent / 'up.txt').read_text()[-3000:]}")
        time.sleep(0.05)
    seconds = time.monotonic() - began
    memory = {
        _label(one): one.memory_info().rss / 2**20 for one in psutil.Process(process.pid).children(recursive=True)
    }
    # What still runs is not counted by os.times: ask it before it goes.
    running = sum(sum(one.cpu_times()[:2]) for one in psutil.Process(process.pid).children(recursive=True))
    stopping = time.monotonic()
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(timeout=60)
    after = os.times()
    ended = (after.children_user + after.children_system) - (cpu_before.children_user + cpu_before.children_system)
    return Start(seconds, max(ended, running), time.monotonic() - stopping, memory)


def _label(process: psutil.Process) -> str:
    words = process.cmdline()
    name = words[-1] if words[-1] in {"serve", "worker"} else Path(words[0]).name
    return f"{name} ({process.pid})"


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def _report(name: str, start: Start, goal: float) -> int:
    held = start.seconds <= goal
    machine = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    print(
        f"{name}: ready after {start.seconds:.1f} s (goal {goal:.0f} s, {'held' if held else 'MISSED'}), "
        f"{start.cpu_seconds:.1f} CPU s, stopped in {start.stop_seconds:.1f} s, {machine}"
    )
    for label, size in start.memory_mib.items():
        print(f"    {label}: {size:.0f} MiB")
    return int(not held)


if __name__ == "__main__":
    main()
