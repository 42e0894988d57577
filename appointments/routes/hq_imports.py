"""HQ brings appointments of other systems in by JSON, sees what came of a file, and mends what was held."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from litestar import Controller, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, JSONBody, QueryParameter
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import ImportRunning
from appointments.schemas.files import (
    Corrections,
    FileDetail,
    FileRead,
    HeldDetail,
    HeldRead,
    MappingRead,
    MappingWrite,
    ReplayAll,
    Replayed,
    ReplayedAll,
)
from appointments.service import replaying, taking_back
from appointments.service.imports import BOOKINGS, FILES
from yundian.platform.auth.guards import requires
from yundian.platform.core.errors import NotFound
from yundian.platform.core.principal import Principal, Role
from yundian.platform.db.paging import Page
from yundian.platform.db.services import Services
from yundian.platform.files.errors import (
    UploadEmpty,
    UploadEnded,
    UploadGone,
    UploadRoomFull,
    UploadTooLarge,
)
from yundian.platform.files.service import uploads, views
from yundian.platform.files.service.views import FileView
from yundian.platform.files.types import CheckedMapping, NewFile
from yundian.platform.intake import quarantine
from yundian.platform.intake.errors import AlreadySettled, BadMapping, NotReplayable
from yundian.platform.intake.models import QuarantineState
from yundian.platform.web.lists import Cursor, Limit
from yundian.platform.web.openapi import refusals

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)

# The file, its mapping, and the form around them.
MOST_BYTES = uploads.MAX_FILE_BYTES + 1024 * 1024

# A parameter called ``state`` is the framework's own.
Standing = Annotated[QuarantineState, QueryParameter(name="state")]
OfRun = Annotated[uuid.UUID | None, QueryParameter(name="run_id", description="Of one import")]


@dataclass
class NewImport:
    """A form with a file and the mapping (TOML) that it is read with."""

    file: UploadFile
    mapping: str


Upload = Annotated[NewImport, Body(media_type=RequestEncodingType.MULTI_PART)]


class ImportController(Controller):
    """Files of appointments: taken in by a worker, a part at a time; twice the same changes nothing."""

    path = "/appointment-imports"

    @get(operation_id="appointments_list_imports", guards=[readers])
    async def list_imports(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> list[FileRead]:
        """List the newest thirty files and runs, the newest first."""
        found = await views.list_files(session, kind=FILES, brand_id=principal.brand)
        return [FileRead.of(one) for one in found]

    @post(
        operation_id="appointments_import",
        guards=[writers],
        request_max_body_size=MOST_BYTES,
        responses=refusals(UploadEmpty, BadMapping, UploadTooLarge, UploadRoomFull),
    )
    async def take(
        self,
        data: Upload,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> FileRead:
        """Bring a file in: a form with `file` (CSV, XLSX, XLS, JSON; 256 MB) and `mapping`. A worker reads it.

        The same file with the same mapping, while it is at work, is that one.
        """
        new = NewFile("", data.file.filename, data.mapping, principal.id)
        upload_id = await uploads.keep_once(
            services.database, brand=principal.brand, kind=FILES, new=new, parts=parts_of(data.file)
        )
        return FileRead.of(await of_upload(services, principal, upload_id))

    @get("/mappings", operation_id="appointments_list_import_mappings", guards=[writers])
    async def mappings(self) -> list[MappingRead]:
        """List the mappings that come with the house."""
        return [MappingRead(name=name, mapping=text) for name, text in FILES.shipped_mappings().items()]

    @post("/mappings/check", operation_id="appointments_check_import_mapping", guards=[writers], status_code=200)
    async def check(self, data: JSONBody[MappingWrite]) -> CheckedMapping:
        """Tell what a mapping would fill from which columns, or its first mistake."""
        return uploads.check_mapping(data.mapping, kind=FILES)

    @get(
        "/{upload_id:uuid}",
        operation_id="appointments_get_import",
        guards=[readers],
        responses=refusals(NotFound),
    )
    async def show(
        self,
        upload_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> FileDetail:
        """Get an uploaded file: how far it is, and what came of it."""
        view = await views.of_upload(session, kind=FILES, brand_id=principal.brand, upload_id=upload_id)
        return await _detail(session, principal, view)

    @post(
        "/{upload_id:uuid}/retry",
        operation_id="appointments_retry_import",
        guards=[writers],
        status_code=200,
        responses=refusals(NotFound, UploadEnded),
    )
    async def retry(
        self,
        upload_id: FromPath[uuid.UUID],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> FileRead:
        """Take a file in once more; a run that stopped goes on where it stopped."""
        await of_upload(services, principal, upload_id)
        async with services.database.connection(principal.brand) as tx:
            await uploads.try_again(tx, kind=FILES, upload_id=upload_id)
        return FileRead.of(await of_upload(services, principal, upload_id))

    @post(
        "/{upload_id:uuid}/again",
        operation_id="appointments_import_again",
        guards=[writers],
        responses=refusals(NotFound, BadMapping, UploadGone),
    )
    async def again(
        self,
        upload_id: FromPath[uuid.UUID],
        data: JSONBody[MappingWrite],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> FileRead:
        """Bring the same file in with another mapping, as a file of its own. What is in already stays."""
        await of_upload(services, principal, upload_id)
        async with services.database.connection(principal.brand) as tx:
            made = await uploads.take_with(
                tx, kind=FILES, upload_id=upload_id, scope="", mapping=data.mapping, account_id=principal.id
            )
        return FileRead.of(await of_upload(services, principal, made))

    @get(
        "/runs/{run_id:uuid}",
        operation_id="appointments_get_import_run",
        guards=[readers],
        responses=refusals(NotFound),
    )
    async def run(
        self,
        run_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> FileDetail:
        """Get a run, whoever started it."""
        view = await views.of_run(session, kind=FILES, brand_id=principal.brand, run_id=run_id)
        return await _detail(session, principal, view)

    @post(
        "/runs/{run_id:uuid}/undo",
        operation_id="appointments_undo_import",
        guards=[writers],
        status_code=200,
        responses=refusals(NotFound, ImportRunning),
    )
    async def undo(
        self,
        run_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> FileDetail:
        """Have an import taken back: what it brought in and nobody has touched since. Repeating is harmless."""
        view = await views.of_run(session, kind=FILES, brand_id=principal.brand, run_id=run_id)
        await taking_back.take_back(session, view=view, account_id=principal.id)
        return await _detail(session, principal, view)


class HeldController(Controller):
    """Records of files that could not be taken in, with their reasons."""

    path = "/appointment-imports/held"

    @get(operation_id="appointments_list_held", guards=[readers])
    async def list_held(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        standing: Standing = QuarantineState.OPEN,
        run_id: OfRun = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[HeldRead]:
        """List what could not be taken in, the newest first."""
        found = await quarantine.list_quarantine(
            session,
            brand_id=principal.brand,
            kind=BOOKINGS.name,
            state=standing,
            run_id=run_id,
            limit=limit,
            cursor=cursor,
        )
        return Page([HeldRead.of(one) for one in found.items], found.next_cursor)

    @post("/replay", operation_id="appointments_replay_all_held", guards=[writers], status_code=200)
    async def replay_all(
        self,
        data: JSONBody[ReplayAll],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> ReplayedAll:
        """Try all that waits again as it stands, up to a thousand at once, as they stood in their files."""
        good, still = await replaying.replay_all(services.database, brand=principal.brand, run_id=data.run_id)
        return ReplayedAll(taken_in=good, still_held=still)

    @get(
        "/{held_id:uuid}",
        operation_id="appointments_get_held",
        guards=[readers],
        responses=refusals(NotFound),
    )
    async def show(
        self,
        held_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> HeldDetail:
        """Get a record as it stood in its file."""
        return HeldDetail.whole(
            await quarantine.get(session, brand_id=principal.brand, kind=BOOKINGS.name, quarantine_id=held_id)
        )

    @post(
        "/{held_id:uuid}/replay",
        operation_id="appointments_replay_held",
        guards=[writers],
        status_code=200,
        responses=refusals(NotFound, AlreadySettled, NotReplayable),
    )
    async def replay(
        self,
        held_id: FromPath[uuid.UUID],
        data: JSONBody[Corrections],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Replayed:
        """Try a record again with what was corrected; what is wrong now is told."""
        async with services.database.connection(principal.brand) as tx:
            problem = await quarantine.replay(tx, kind=BOOKINGS, quarantine_id=held_id, corrections=data.columns)
        return Replayed.of(problem)

    @post(
        "/{held_id:uuid}/discard",
        operation_id="appointments_discard_held",
        guards=[writers],
        status_code=200,
        responses=refusals(NotFound, AlreadySettled),
    )
    async def discard(
        self,
        held_id: FromPath[uuid.UUID],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> HeldRead:
        """Leave a record out; importing its file again leaves it out, too."""
        async with services.database.connection(principal.brand) as tx:
            await quarantine.discard(tx, kind=BOOKINGS.name, quarantine_id=held_id)
        return await _held(services, principal, held_id)

    @post(
        "/{held_id:uuid}/undo",
        operation_id="appointments_undo_discard_held",
        guards=[writers],
        status_code=200,
        responses=refusals(NotFound, AlreadySettled),
    )
    async def undo_discard(
        self,
        held_id: FromPath[uuid.UUID],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> HeldRead:
        """Have a record that was left out looked at after all."""
        async with services.database.connection(principal.brand) as tx:
            await quarantine.undo_discard(tx, kind=BOOKINGS.name, quarantine_id=held_id)
        return await _held(services, principal, held_id)


async def of_upload(services: Services, principal: Principal, upload_id: uuid.UUID) -> FileView:
    """An uploaded file as it stands, of one's own brand; ``NotFound``."""
    async with services.database.unit_of_work(principal.brand) as session:
        return await views.of_upload(session, kind=FILES, brand_id=principal.brand, upload_id=upload_id)


async def _detail(session: AsyncSession, principal: Principal, view: FileView) -> FileDetail:
    run_id = view.run.id if view.run else uuid.UUID(int=0)
    return FileDetail.whole(view, await taking_back.see(session, brand_id=principal.brand, run_id=run_id))


async def _held(services: Services, principal: Principal, held_id: uuid.UUID) -> HeldRead:
    async with services.database.unit_of_work(principal.brand) as session:
        return HeldRead.of(
            await quarantine.get(session, brand_id=principal.brand, kind=BOOKINGS.name, quarantine_id=held_id)
        )


async def parts_of(file: UploadFile) -> AsyncIterator[bytes]:
    """Its bytes, piece by piece."""
    while part := await file.read(uploads.CHUNK_BYTES):
        yield part
