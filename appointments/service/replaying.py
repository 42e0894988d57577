"""What files could not bring in is tried again, all that waits."""

import uuid

from appointments.service.imports import BOOKINGS
from yundian.platform.db.database import Database
from yundian.platform.intake import quarantine

MOST_AT_ONCE = 1_000


async def replay_all(database: Database, *, brand: uuid.UUID, run_id: uuid.UUID | None) -> tuple[int, int]:
    """Of one import, or of all, each as it stands: how many went in, and how many are still held."""
    async with database.unit_of_work(brand) as session:
        found = await quarantine.list_quarantine(
            session, brand_id=brand, kind=BOOKINGS.name, run_id=run_id, limit=MOST_AT_ONCE
        )
    # As they stood in the file: of two that overlap, the first one counts.
    ids = [one.id for one in sorted(found.items, key=lambda one: (one.run_id, one.line))]
    return await quarantine.replay_open(database, brand=brand, kind=BOOKINGS, ids=ids)
