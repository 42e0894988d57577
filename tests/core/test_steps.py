"""A labelled step kills its process where a test asked for it, and does nothing elsewhere."""

import os
import signal
import subprocess
import sys

import pytest

PROGRAM = """
from yundian.platform.core.steps import step
for number in range(5):
    print(number, flush=True)
    step("other")
    step("here")
"""


def _run(die_at: str | None) -> "subprocess.CompletedProcess[str]":
    environment = {key: value for key, value in os.environ.items() if key != "YUNDIAN_TEST_DIE_AT"}
    if die_at is not None:
        environment["YUNDIAN_TEST_DIE_AT"] = die_at
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("die_at", "passed"), [("here", 1), ("here:1", 1), ("here:3", 3)])
def test_the_process_dies_at_the_label_and_count(die_at: str, passed: int) -> None:
    done = _run(die_at)

    assert done.returncode == -signal.SIGKILL
    assert done.stdout.split() == [str(number) for number in range(passed)]


@pytest.mark.parametrize("die_at", [None, "elsewhere", "here:6"])
def test_the_process_lives_otherwise(die_at: str | None) -> None:
    done = _run(die_at)

    assert done.returncode == 0
    assert len(done.stdout.split()) == 5
