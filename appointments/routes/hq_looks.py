"""HQ looks at files of appointments by JSON before they come in, and says what their words mean."""

import uuid
from dataclasses import dataclass
from typing import Annotated

from litestar import Controller, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, JSONBody, QueryParameter
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import LookRunning
from appointments.routes.hq_imports import MOST_BYTES, of_upload, parts_of, readers, writers
from appointments.rules import layouts
from appointments.schemas.files import FileRead
from appointments.schemas.looks import (
    Answered,
    Answers,
    Confirm,
    Confirmed,
    DraftRead,
    Forget,
    Forgotten,
    LayoutWrite,
    LookRead,
    RememberedRead,
    Standing,
    WordKind,
    WordRead,
)
from appointments.service import drafts, making, meanings, remembered
from appointments.service.imports import FILES
from yundian.platform.core.errors import NotFound
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Principal
from yundian.platform.db import paging
from yundian.platform.db.paging import Page
from yundian.platform.db.services import Services
from yundian.platform.files.errors import UploadEmpty, UploadGone, UploadRoomFull, UploadTooLarge
from yundian.platform.files.service import uploads, views
from yundian.platform.files.types import NewFile
from yundian.platform.intake.errors import BadMapping
from yundian.platform.web.lists import Cursor, Limit
from yundian.platform.web.openapi import refusals

OfKind = Annotated[WordKind, QueryParameter(name="kind")]
OfAnyKind = Annotated[WordKind | None, QueryParameter(name="kind")]
Which = Annotated[Standing, QueryParameter(name="standing")]
Source = Annotated[str, QueryParameter(max_length=80, description="The name of the other system")]
Query = Annotated[str, QueryParameter(max_length=160, description="A part of the word")]


@dataclass
class NewLook:
    """A form with a file; without a ``mapping`` (TOML) which column is which is guessed."""

    file: UploadFile
    mapping: str = ""


Upload = Annotated[NewLook, Body(media_type=RequestEncodingType.MULTI_PART)]


class LookController(Controller):
    """Files that are looked at first: a worker reads them and nothing comes in until that is asked for."""

    path = "/appointment-imports"

    @post(
        "/looks",
        operation_id="appointments_look_at_file",
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
        """Have a file looked at: a form with `file` (CSV, XLSX, XLS, JSON; 256 MB) and, if you like, a `mapping`.

        Nothing of it comes in.
        """
        mapping = data.mapping if data.mapping.strip() else layouts.UNKNOWN
        new = NewFile(new_id().hex, data.file.filename, mapping, principal.id)
        upload_id = await uploads.keep_once(
            services.database, brand=principal.brand, kind=FILES, new=new, parts=parts_of(data.file)
        )
        return FileRead.of(await of_upload(services, principal, upload_id))

    @post(
        "/{upload_id:uuid}/look",
        operation_id="appointments_look_at_import",
        guards=[writers],
        responses=refusals(NotFound, UploadGone),
    )
    async def look_at(
        self,
        upload_id: FromPath[uuid.UUID],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> FileRead:
        """Have a file that was brought in looked at, for words that are still open: a look of its own."""
        view = await of_upload(services, principal, upload_id)
        mapping = view.upload.mapping if view.upload is not None else ""
        async with services.database.connection(principal.brand) as tx:
            made = await making.look_at(tx, upload_id=upload_id, mapping=mapping, account_id=principal.id)
        return FileRead.of(await of_upload(services, principal, made))

    @get(
        "/{upload_id:uuid}/look",
        operation_id="appointments_get_look",
        guards=[readers],
        responses=refusals(NotFound),
    )
    async def show(
        self,
        upload_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> LookRead:
        """Get a look: how far it is, what is in the file, and how many words nobody knows here."""
        view = await views.of_upload(session, kind=FILES, brand_id=principal.brand, upload_id=upload_id)
        if not view.scope:
            raise NotFound(upload_id=str(upload_id))
        survey = await meanings.survey_of(session, view)
        looked = await meanings.see(session, survey) if survey is not None and not view.is_live else None
        return LookRead.whole(view, survey, looked)

    @get(
        "/{upload_id:uuid}/look/words",
        operation_id="appointments_list_look_words",
        guards=[readers],
        responses=refusals(NotFound, LookRunning),
    )
    async def words(
        self,
        upload_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        kind: OfKind,
        standing: Which = Standing.OPEN,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[WordRead]:
        """List words of the file, those on most rows first, with what they may mean."""
        view = await views.of_upload(session, kind=FILES, brand_id=principal.brand, upload_id=upload_id)
        looked = await meanings.see_file(session, view)
        found = looked.kinds[kind]
        last = paging.decode_cursor(cursor, (int,))[0] if cursor else -1
        items = [one for one in (found.open if standing is Standing.OPEN else found.said) if one.place > last]
        shown, following = paging.cut(items, limit, lambda one: (one.place,))
        return Page([WordRead.of(looked.with_choices(one)) for one in shown], following)

    @post(
        "/{upload_id:uuid}/look/answers",
        operation_id="appointments_answer_look",
        guards=[writers],
        status_code=200,
        responses=refusals(NotFound, LookRunning),
    )
    async def answer(
        self,
        upload_id: FromPath[uuid.UUID],
        data: JSONBody[Answers],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Answered:
        """Say what words mean, up to a thousand at once; what is new is made as a draft. All of it or nothing.

        Sending the same again changes nothing: a word that was said has another key.
        """
        view = await views.of_upload(session, kind=FILES, brand_id=principal.brand, upload_id=upload_id)
        looked = await meanings.see_file(session, view)
        answers = data.by_key()
        names = {one.name for kind in looked.kinds.values() for one in (*kind.open, *kind.said)}
        made = await making.say(session, survey_id=looked.survey.id, answers=answers, account_id=principal.id)
        return Answered(drafts=made, left=sorted(set(answers) - names))

    @post(
        "/{upload_id:uuid}/look/columns",
        operation_id="appointments_look_with_columns",
        guards=[writers],
        responses=refusals(NotFound, LookRunning, BadMapping, UploadGone),
    )
    async def columns(
        self,
        upload_id: FromPath[uuid.UUID],
        data: JSONBody[LayoutWrite],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> FileRead:
        """Have the file looked at again with other columns: the look that does it.

        Once; who asks again gets the same one.
        """
        async with services.database.unit_of_work(principal.brand) as session:
            view = await views.of_upload(session, kind=FILES, brand_id=principal.brand, upload_id=upload_id)
            looked = await meanings.see_file(session, view)
        mapping = data.mapping
        if not mapping:
            wanted = {"name": data.name, "zone": data.zone, "state": data.state}
            layout = making.corrected(looked, columns=data.columns, formats=data.formats, **wanted)
            mapping = layouts.mapping_of(layout)
        async with services.database.connection(principal.brand) as tx:
            made = await making.look_again(
                tx, upload_id=upload_id, survey_id=looked.survey.id, mapping=mapping, account_id=principal.id
            )
        return FileRead.of(await of_upload(services, principal, made))

    @post(
        "/{upload_id:uuid}/look/import",
        operation_id="appointments_import_look",
        guards=[writers],
        status_code=200,
        responses=refusals(NotFound, LookRunning, UploadGone),
    )
    async def bring_in(
        self,
        upload_id: FromPath[uuid.UUID],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> FileRead:
        """Bring the file in as it was looked at: the upload that does it, however often you ask.

        Rows of words that are still open are held back. Taking it back is `POST …/runs/{run_id}/undo`.
        """
        async with services.database.unit_of_work(principal.brand) as session:
            view = await views.of_upload(session, kind=FILES, brand_id=principal.brand, upload_id=upload_id)
            looked = await meanings.see_file(session, view)
        async with services.database.connection(principal.brand) as tx:
            made = await making.bring_in(
                tx, upload_id=upload_id, survey_id=looked.survey.id, account_id=principal.id
            )
        return FileRead.of(await of_upload(services, principal, made))


class DraftController(Controller):
    """What was made of files' words, and what the words are remembered to mean."""

    path = "/appointment-imports"

    @get("/drafts", operation_id="appointments_list_drafts", guards=[readers])
    async def list_drafts(self, session: NamedDependency[AsyncSession]) -> list[DraftRead]:
        """List what files made and nobody confirmed: it cannot be booked yet."""
        return DraftRead.of_all(await drafts.open_drafts(session))

    @post("/drafts/confirm", operation_id="appointments_confirm_drafts", guards=[writers], status_code=200)
    async def confirm(self, data: JSONBody[Confirm], session: NamedDependency[AsyncSession]) -> Confirmed:
        """Let drafts be booked from now on. Repeating is harmless."""
        return Confirmed(confirmed=await drafts.confirm(session, ids=data.ids))

    @get("/words", operation_id="appointments_list_import_words", guards=[readers])
    async def list_words(
        self,
        session: NamedDependency[AsyncSession],
        source: Source = "",
        kind: OfAnyKind = None,
        q: Query = "",
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[RememberedRead]:
        """List what words of other systems' files mean here, by system, kind and word."""
        found = await remembered.list_words(
            session, source=source, kind=kind or "", query=q, limit=limit, cursor=cursor
        )
        return Page([RememberedRead.of(one) for one in found.items], found.next_cursor)

    @post("/words/forget", operation_id="appointments_forget_import_words", guards=[writers], status_code=200)
    async def forget(self, data: JSONBody[Forget], session: NamedDependency[AsyncSession]) -> Forgotten:
        """Forget what words mean: the next file asks again, and what came in stays. Repeating is harmless."""
        return Forgotten(forgotten=await remembered.forget(session, keys=data.keys))
