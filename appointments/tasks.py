"""The worker's part: files of appointments, imports that are taken back, who waits, what is given to others."""

import uuid

from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.events import LineCalled
from appointments.service import line, replacing, taking_back
from appointments.service.imports import FILES
from yundian.platform.files.service import working
from yundian.platform.outbox import outbox
from yundian.platform.outbox.declare import DueTimer, on_timer


@on_timer(FILES.timer)
async def import_upload(session: AsyncSession, timer: DueTimer) -> None:
    """See to a file of appointments, until it has ended."""
    await working.see_to(session, timer, kind=FILES)


@on_timer(taking_back.TIMER)
async def take_back(session: AsyncSession, timer: DueTimer) -> None:
    """Take an import back, a stretch at a time."""
    await taking_back.go_on(session, timer)


@on_timer(line.WAKE_TIMER)
async def call_line(session: AsyncSession, timer: DueTimer) -> None:
    """It is quiet: what was changed is looked at, and who waits at the shop is served."""
    await outbox.record(session, LineCalled(shop_id=uuid.UUID(timer.key)))


@on_timer(replacing.TIMER)
async def replace(session: AsyncSession, timer: DueTimer) -> None:
    """Give to others what somebody cannot keep, a stretch at a time."""
    await replacing.go_on(session, timer)


TIMERS = (import_upload, take_back, call_line, replace)
