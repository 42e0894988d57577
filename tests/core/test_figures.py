"""Figures of several processes are one sum; what a process counted stays when it is killed, its gauges do not."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from yundian.platform.core import figures

# Counts two, then what it is told: one more, or one more here and ten in a child.
COUNTING = r"""
import os, sys
from yundian.platform.core import figures
rung = figures.Counter("bells", "Bells", ["colour"])
took = figures.Histogram("ringing_seconds", "Time", buckets=(1, 2))
rung.labels("red").inc(2)
took.observe(1.5)
figures.of_process("ringer")
print("counted", flush=True)
for line in sys.stdin:
    if line == "tell\n":
        print(figures.text().decode().replace("\n", "|"), flush=True)
        continue
    if line == "fork\n":
        child = os.fork()
        if child == 0:
            rung.labels("red").inc(10)
            os._exit(0)
        os.waitpid(child, 0)
    rung.labels("red").inc()
    print("counted", flush=True)
"""


class Counting:
    """A process that counts into a folder."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", COUNTING],
            env={**os.environ, figures.FOLDER: str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, line: str = "") -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        if line:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        return self.process.stdout.readline()

    def told(self) -> dict[str, float]:
        return {
            found[1]: float(found[2]) for found in re.finditer(r"([^|# ]+) ([-+.e\d]+)(?=\|)", self.ask("tell"))
        }

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=10)


@pytest.fixture
def three(tmp_path: Path) -> Iterator[list[Counting]]:
    started = [Counting(tmp_path / "figures") for _ in range(3)]
    try:
        assert [one.ask() for one in started] == ["counted\n"] * 3
        yield started
    finally:
        for one in started:
            one.process.kill()
            one.process.communicate(timeout=10)


def test_whoever_is_asked_tells_of_all_and_what_was_killed_is_still_counted(three: list[Counting]) -> None:
    first, second, third = three
    before = second.told()
    first.kill()
    after, once_more = second.told(), third.told()
    second.ask("fork")
    forked = third.told()

    assert before['bells_total{colour="red"}'] == 6
    assert before['yundian_processes{role="ringer"}'] == 3
    assert (before["ringing_seconds_count"], before['ringing_seconds_bucket{le="2.0"}']) == (3, 3)
    assert before['yundian_memory_bytes{role="ringer"}'] > 3_000_000
    # Nothing of it is lost, nothing is counted twice, and only two live.
    for told in (after, once_more):
        assert told['bells_total{colour="red"}'] == 6
        assert told["ringing_seconds_sum"] == 4.5
        assert told['yundian_processes{role="ringer"}'] == 2
        assert told['yundian_memory_bytes{role="ringer"}'] < before['yundian_memory_bytes{role="ringer"}']
        assert (
            told['yundian_cpu_seconds_total{role="ringer"}'] >= before['yundian_cpu_seconds_total{role="ringer"}']
        )
    # A child counts as a process of its own, and its end takes nothing of its parent's away.
    assert forked['bells_total{colour="red"}'] == 17
    assert forked['yundian_processes{role="ringer"}'] == 2


def test_a_file_that_a_power_cut_broke_stands_in_nobodys_way(three: list[Counting], tmp_path: Path) -> None:
    first, second, _ = three
    first.kill()
    (broken,) = (tmp_path / "figures").glob(f"counter_{first.process.pid}-*.db")
    broken.write_bytes(b"\x00\x01\x00\x00" + b"\xff" * 60)
    (tmp_path / "figures" / "histogram_gone.db").write_bytes(b"\x00\x01\x00\x00" + b"\xff" * 300)

    told = second.told()

    assert told['bells_total{colour="red"}'] == 4
    assert not broken.exists()
