"""A test run that is killed leaves nothing running."""

from pathlib import Path

import psutil
import pytest

from tests.conftest import sweep_killed_runs
from yundian.platform.embedded.valkey import EmbeddedValkey

# More than any system counts its processes to.
NOBODY = 2**22 + 1


@pytest.mark.parametrize("inside", ["", "faults"], ids=["of the run", "of a module"])
def test_the_servers_of_a_killed_run_are_stopped_by_the_next(tmp_path: Path, inside: str) -> None:
    folder = tmp_path / f"yundian-test-{NOBODY}-abc"
    place = folder / inside
    place.mkdir(parents=True, exist_ok=True)
    server = EmbeddedValkey(place / "valkey")
    server.start()
    process = psutil.Process(server.pid)

    try:
        sweep_killed_runs(tmp_path)

        assert not process.is_running()
        assert not folder.exists()
    finally:
        server.destroy()
