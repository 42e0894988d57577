"""Children of the supervisor: restarted with back-off, ended with their descendants, found again after a kill."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.helpers import wait_until
from yundian.app.children import Child, end_leftovers

pytestmark = pytest.mark.anyio

_IDLE = "import signal; signal.pause()"
_WITH_GRANDCHILD = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {_IDLE!r}])"
_STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"

Make = Callable[[str], Child]


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Make]:
    made: list[Child] = []

    def make(script: str) -> Child:
        log = tmp_path / "log" / "child.log"
        made.append(
            Child(name="child", command=[sys.executable, "-c", script], environment={}, folder=tmp_path, log=log)
        )
        made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.wait_and_end(patience_s=0)
    end_leftovers(tmp_path)


def _marked(folder: Path) -> list[int]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("YUNDIAN_SUPERVISED_IN") == str(folder):
                found.append(process.pid)
        except (psutil.Error, OSError):
            continue
    return found


async def test_a_child_that_dies_is_started_again_with_growing_pauses(child: Make) -> None:
    one = child("import sys; sys.exit('no luck')")

    async def died_three_times() -> bool:
        one.tend()
        return one.deaths >= 3

    await wait_until(died_three_times, what="three deaths")
    assert "no luck" in one.last_words()
    assert one._next_try_at - one._started_at >= 0.8


async def test_stopping_ends_grandchildren_too(child: Make, tmp_path: Path) -> None:
    one = child(_WITH_GRANDCHILD)

    async def both() -> bool:
        return len(_marked(tmp_path)) == 2

    await wait_until(both, what="a grandchild")
    one.ask_to_stop()
    one.wait_and_end(patience_s=5)

    async def none_left() -> bool:
        return _marked(tmp_path) == []

    # Nobody of ours can wait for a grandchild: a killed one is gone when the machine comes to it.
    await wait_until(none_left, what="the grandchild to be gone")


async def test_one_that_ignores_sigterm_is_killed_when_patience_ends(child: Make, tmp_path: Path) -> None:
    one = child(_STUBBORN)

    async def is_up() -> bool:
        return "up" in one.last_words()

    await wait_until(is_up)
    one.ask_to_stop()
    one.wait_and_end(patience_s=0.2)
    assert _marked(tmp_path) == []


async def test_workers_that_outlive_their_killed_master_do_not_meet_the_next_one(
    child: Make, tmp_path: Path
) -> None:
    one = child(_WITH_GRANDCHILD)

    async def both() -> bool:
        return len(_marked(tmp_path)) == 2

    await wait_until(both, what="a grandchild")
    first = set(_marked(tmp_path))
    assert one._process is not None
    os.kill(one._process.pid, signal.SIGKILL)

    async def replaced() -> bool:
        one.tend()
        return one.deaths == 1 and len(_marked(tmp_path)) == 2

    await wait_until(replaced, what="the successor")
    assert not first & set(_marked(tmp_path))


async def test_the_next_supervisor_finds_what_a_killed_one_left(child: Make, tmp_path: Path) -> None:
    child(_WITH_GRANDCHILD)

    async def both() -> bool:
        return len(_marked(tmp_path)) == 2

    await wait_until(both, what="a grandchild")
    assert end_leftovers(tmp_path / "elsewhere") == 0
    assert end_leftovers(tmp_path) == 2
    assert _marked(tmp_path) == []
