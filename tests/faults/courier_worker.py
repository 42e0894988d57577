"""A worker of its own, as a process that tests may kill: ``python -m tests.faults.courier_worker``."""

import uvloop

from tests import courier_room
from yundian.platform.core.settings import Settings
from yundian.platform.jobs.worker import work

if __name__ == "__main__":
    uvloop.run(work(Settings(), registry=courier_room.registry()))
