"""An import is taken back in the background: what it brought in and nobody has touched since.

A timer does it, a stretch at a time. What a stretch took out and how far it came are one transaction, so that a
worker that is killed leaves nothing half done, and the next one goes on behind the last appointment.
"""

import time
import uuid
from collections import Counter
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import ImportRunning
from appointments.repository import taking_back as repository
from appointments.rules import life
from appointments.service import drafts
from yundian.platform.core import clock
from yundian.platform.core.errors import NotFound
from yundian.platform.core.steps import step
from yundian.platform.files.service.views import FileView
from yundian.platform.outbox import timers
from yundian.platform.outbox.declare import DueTimer

TIMER = "appointments.take_back"
AT_ONCE = 1_000
# Shorter than anybody waits for an appointment that is being looked at here.
STRETCH_S = 1.5


@dataclass(frozen=True, slots=True)
class TakingBack:
    """How far taking back is, or what came of it: ``kept`` by the reason why."""

    total: int
    removed: int
    kept: dict[str, int]
    is_running: bool

    @property
    def share(self) -> float:
        return min((self.removed + sum(self.kept.values())) / self.total, 1.0) if self.total else 1.0


@dataclass(frozen=True, slots=True)
class Imported:
    """What of an import is here, with what was made for it, and what becomes of it."""

    here: int
    back: TakingBack | None
    made: int = 0


async def take_back(session: AsyncSession, *, view: FileView, account_id: uuid.UUID | None) -> None:
    """Have the import taken back; what goes on already is left to go on. Its file can be brought in again.

    Raises:
        NotFound: the file was not read yet.
        ImportRunning: it still brings appointments in.
    """
    if view.run is None:
        raise NotFound
    if view.is_live:
        raise ImportRunning
    run_id, now = view.run.id, clock.now()
    await repository.start(session, run_id=run_id, account_id=account_id, now=now)
    # Also one that goes on: it may have been given up after too many failures.
    if await repository.is_open(session, run_id=run_id):
        await timers.set_timer(session, name=TIMER, key=str(run_id), due_at=now)


async def go_on(session: AsyncSession, timer: DueTimer) -> None:
    """One stretch; the timer is set again until all of the import was looked at."""
    run_id = uuid.UUID(timer.key)
    standing = await repository.standing(session, run_id=run_id)
    if standing is None:
        return
    ends_at = time.monotonic() + STRETCH_S
    is_over = False
    while not is_over and time.monotonic() < ends_at:
        ids = await repository.following(session, run_id=run_id, after=standing.last_id, limit=AT_ONCE)
        is_over = len(ids) < AT_ONCE
        if ids:
            gone, kept = await repository.remove(session, ids=ids)
            await timers.cancel_timers(session, name=life.NO_SHOW_TIMER, keys=[str(one) for one in gone])
            standing.last_id = ids[-1]
            standing.removed += len(gone)
            standing.kept.update(kept)
            step("appointments.taken_back")
    if is_over:
        standing.kept.update(await drafts.unmake(session, run_id=run_id))
    await repository.note(session, run_id=run_id, standing=standing, ended_at=clock.now() if is_over else None)
    if not is_over:
        await timers.set_timer(session, name=TIMER, key=timer.key, due_at=clock.now())


async def see(session: AsyncSession, *, brand_id: uuid.UUID, run_id: uuid.UUID) -> Imported:
    """What of the import is here, and how far taking it back is, if anybody asked for that."""
    here = await repository.count_here(session, brand_id=brand_id, run_id=run_id)
    made = await drafts.made_for(session, run_id=run_id)
    row = await repository.get(session, brand_id=brand_id, run_id=run_id)
    if row is None:
        return Imported(here, None, made)
    kept = dict(Counter(row.kept).most_common())
    return Imported(here, TakingBack(row.total, row.removed, kept, is_running=row.ended_at is None), made)
