"""Uploaded files are taken in beside the courier, in a thread with an event loop of its own.

A timer watches each file until it has ended: it starts the work where nobody holds the file, which is also how a
file goes on whose worker was killed.
"""

import asyncio
import contextlib
import datetime as dt
import functools
import threading
import uuid

import structlog
import uvloop
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.core import clock
from yundian.platform.core.settings import Settings
from yundian.platform.db.database import Database
from yundian.platform.files.models import UploadState
from yundian.platform.files.service import uploads
from yundian.platform.files.types import FileKind
from yundian.platform.outbox import failures, timers
from yundian.platform.outbox.declare import DueTimer

log = structlog.get_logger(__name__)

LOOK_AGAIN_S = 10.0
# Both share the worker's interpreter: more would only wait for each other.
FILES_AT_ONCE = 2
_STOP_S = 10.0


class _Work:
    """One file in a thread. Its loop ends with the file, or when it is told to stop."""

    def __init__(self, settings: Settings, kind: FileKind, brand: uuid.UUID, upload_id: uuid.UUID) -> None:
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_stopped = False
        self._work = functools.partial(work_off, settings, kind, brand, upload_id)
        self.thread = threading.Thread(target=self._run, name=f"import-{upload_id}", daemon=True)

    def stop(self) -> None:
        """Interrupt it where it stands; what it committed stays."""
        self._is_stopped = True
        if self._loop is not None and self._task is not None:
            # A file that has just ended closed its loop.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._task.cancel)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            try:
                runner.run(self._main())
            except asyncio.CancelledError:
                log.info("channels.import_stopped", thread=self.thread.name)
            except Exception as error:  # the file's hold runs out, and its timer tries again
                log.warning("channels.import_failed", error=failures.describe(error))

    async def _main(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        if not self._is_stopped:
            await self._work()


class Imports:
    """The files that this worker takes in at this moment."""

    def __init__(self) -> None:
        self._works: dict[uuid.UUID, _Work] = {}

    def start(self, settings: Settings, *, kind: FileKind, brand: uuid.UUID, upload_id: uuid.UUID) -> None:
        """Take the file in, unless that goes on already or enough others do."""
        self._works = {key: work for key, work in self._works.items() if work.thread.is_alive()}
        if upload_id in self._works or len(self._works) >= FILES_AT_ONCE:
            return
        work = self._works[upload_id] = _Work(settings, kind, brand, upload_id)
        work.thread.start()

    async def aclose(self) -> None:
        """Stop them all, and wait until they have let go."""
        works = list(self._works.values())
        for work in works:
            work.stop()
        for work in works:
            await asyncio.to_thread(work.thread.join, _STOP_S)


imports = Imports()


async def see_to(session: AsyncSession, timer: DueTimer, *, kind: FileKind) -> None:
    """See to a file: start it where nobody works on it, and look again until it has ended."""
    upload_id = uuid.UUID(timer.key)
    upload = await uploads.get(session, brand_id=timer.brand_id, kind=kind, upload_id=upload_id)
    if upload.state in (UploadState.DONE, UploadState.FAILED):
        return
    database: Database = session.info["database"]
    now = clock.now()
    if upload.state is UploadState.WAITING or upload.held_until is None or upload.held_until < now:
        imports.start(database.settings, kind=kind, brand=timer.brand_id, upload_id=upload_id)
    again = now + dt.timedelta(seconds=LOOK_AGAIN_S)
    await timers.set_timer(session, name=kind.timer, key=timer.key, due_at=again)


async def work_off(settings: Settings, kind: FileKind, brand: uuid.UUID, upload_id: uuid.UUID) -> None:
    """Take one file in, with connections of its own."""
    database = Database(settings.model_copy(update={"pool_size": 3, "session_pool_size": 1}))
    await database.open()
    try:
        await uploads.work_off(database, kind=kind, brand=brand, upload_id=upload_id)
    finally:
        await database.close()
