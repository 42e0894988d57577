"""What becomes of a test that hangs: it fails by its name, where it stood, once; all others go on.

A test that waits in the event loop is cancelled a little before its time. What else hangs (a thread, a fixture, C)
is ended by ``pytest-timeout`` together with its process; xdist would give it to the next process, and the next.
Where threads stood then, pytest's ``faulthandler_timeout`` has printed before; where tasks stood, this file.
"""

import asyncio
import functools
import gc
import inspect
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

_SHARE_OF_TIME = 0.9
_SHARE_BEFORE_THE_END = 0.95
_AHEAD = 2


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> None:
    if inspect.iscoroutinefunction(pyfuncitem.obj):
        pyfuncitem.obj = bounded(pyfuncitem.obj, _time_of(pyfuncitem) * _SHARE_OF_TIME)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    watch = threading.Timer(_time_of(item) * _SHARE_BEFORE_THE_END, _show_tasks, (item,))
    watch.daemon = True
    watch.start()
    try:
        return (yield)
    finally:
        watch.cancel()


def _show_tasks(item: pytest.Item) -> None:
    """Where all tasks stand while a test hangs, for the reader of the run's log."""
    with item.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        sys.stderr.write(f"\n{item.nodeid} hangs; its tasks:\n")
        for task in gc.get_objects():
            if isinstance(task, asyncio.Task) and not task.done():
                task.print_stack(file=sys.stderr)


def _time_of(item: pytest.Item) -> float:
    marker = item.get_closest_marker("timeout")
    return float(marker.args[0] if marker else item.config.getini("timeout"))


def bounded(test: Any, seconds: float) -> Any:
    """The same test, a ``TimeoutError`` where it stands after so many seconds."""

    @functools.wraps(test)
    async def run(*args: Any, **kwargs: Any) -> None:
        async with asyncio.timeout(seconds):
            await test(*args, **kwargs)

    return run


class Once(LoadScopeScheduling):  # type: ignore[misc]
    """Module by module, and what ended its process is not tried again."""

    def remove_node(self, node: Any) -> str | None:
        """Take a process that ended out of the run; the name of the test that it did not survive, if any."""
        units = self.assigned_work[node]
        hanging = next(((unit, name) for unit in units.values() for name, over in unit.items() if not over), None)
        if hanging is not None:
            unit, name = hanging
            unit[name] = True
        # xdist would give out again also what is over, and a process waits for ever behind modules without a test.
        self.assigned_work[node] = {scope: unit for scope, unit in units.items() if not all(unit.values())}
        super().remove_node(node)
        return None if hanging is None else str(hanging[1])

    def _reschedule(self, node: Any) -> None:
        """Give the process work until it has two tests: it begins none before it knows the next one.

        xdist gives one module; a process that comes late and gets one of a single test never asks again.
        """
        super()._reschedule(node)
        while self.workqueue and not node.shutting_down and self._pending_of(self.assigned_work[node]) < _AHEAD:
            super()._reschedule(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Once | None:
    return Once(config, log) if config.getoption("dist") == "loadscope" else None
