"""A test that hangs costs its own time, once."""

import asyncio
import socket
import subprocess
import sys
import traceback
import warnings
from collections import OrderedDict
from pathlib import Path
from typing import Any

import anyio
import pytest
import uvloop

from tests.hangs import Once, bounded

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]


async def test_a_test_that_waits_for_ever_fails_where_it_stands() -> None:
    async def waits() -> None:
        await anyio.sleep_forever()

    with pytest.raises(TimeoutError) as failure:
        await bounded(waits, 0.01)()

    stood = failure.value.__cause__
    assert stood is not None
    assert "waits" in "".join(traceback.format_exception(stood))


def test_what_ended_its_process_is_not_tried_again_and_the_rest_of_its_module_is() -> None:
    node = object()
    scheduler: Any = Once.__new__(Once)
    scheduler.workqueue = OrderedDict()
    scheduler.assigned_work = {
        node: OrderedDict(over=OrderedDict(b=True), a=OrderedDict(before=True, hangs=False, after=False))
    }

    assert scheduler.remove_node(node) == "hangs"
    assert scheduler.workqueue == {"a": {"before": True, "hangs": True, "after": False}}


def test_a_process_that_ends_when_all_is_done_hung_nowhere() -> None:
    node = object()
    scheduler: Any = Once.__new__(Once)
    scheduler.workqueue = OrderedDict()
    scheduler.assigned_work = {node: OrderedDict(a=OrderedDict(before=True))}

    assert scheduler.remove_node(node) is None


def test_a_run_ends_although_a_process_of_it_died_among_many_small_modules(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from tests.hangs import pytest_xdist_make_scheduler\n")
    for number in range(20):
        (tmp_path / f"test_{number:02}.py").write_text("def test_it() -> None: pass\n")
    (tmp_path / "test_15.py").write_text("import os\n\n\ndef test_it() -> None: os._exit(1)\n")
    arguments = ["-q", "-p", "no:cacheprovider", "-n", "2", "--dist", "loadscope", "--no-loadscope-reorder"]

    run = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments, str(tmp_path)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "xdist.plugin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert "1 failed, 19 passed" in run.stdout


def test_the_end_of_a_loop_does_not_wait_for_a_connection_that_was_left_open() -> None:
    loop = uvloop.new_event_loop()
    with socket.create_server(("127.0.0.1", 0)) as server, warnings.catch_warnings(record=True) as said:
        left_open = loop.run_until_complete(loop.create_connection(asyncio.Protocol, *server.getsockname()))
        loop.close()

    assert [each.category for each in said] == [ResourceWarning]
    assert left_open
