"""A process that tests kill: it gives appointments to others, and dies at the step it is told.

``python -m tests.appointments.replace_worker BRAND RUN``; settings come by the environment, the step by
``YUNDIAN_TEST_DIE_AT``.
"""

import sys
import uuid

import uvloop

from appointments.service import replacing
from yundian.platform.core.settings import Settings
from yundian.platform.db.database import Database
from yundian.platform.outbox.declare import DueTimer


async def work(brand: uuid.UUID, run: str) -> None:
    database = Database(Settings())
    await database.open()
    async with database.unit_of_work(brand) as session:
        await replacing.go_on(session, DueTimer(brand, replacing.TIMER, run, {}))


if __name__ == "__main__":
    uvloop.run(work(uuid.UUID(sys.argv[1]), sys.argv[2]))
