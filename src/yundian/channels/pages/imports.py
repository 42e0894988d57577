"""HQ brings in files of orders, watches them go in, and sees what came of them."""

import uuid
from collections.abc import AsyncIterator
from typing import Annotated, Any

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.channels.errors import UploadEmpty
from yundian.channels.pages import words
from yundian.channels.service import channels, files, importing, uploads
from yundian.channels.service.uploads import NewFile
from yundian.platform.auth.guards import requires
from yundian.platform.core.principal import Principal, Role
from yundian.platform.db.services import Services
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.pages import fragment, page, see_other

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)

PATH = "/hq/channels/imports"
# The file, its mapping, and the form around them.
MAX_BODY_BYTES = uploads.MAX_FILE_BYTES + 1024 * 1024

MappingName = Annotated[str, QueryParameter(name="shipped", max_length=80)]


class ImportPages(Controller):
    path = PATH
    include_in_schema = False

    @get(name="channels.imports", guards=[readers])
    async def list_imports(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Template:
        """Files that were brought in, here or by command, the newest first."""
        found = await files.list_files(session, brand_id=principal.brand)
        return page("channels/imports.html", files=found, words=words, is_live=any(one.is_live for one in found))

    @get("/list", name="channels.imports.list", guards=[readers])
    async def list_again(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Template:
        """The same list while something in it moves."""
        found = await files.list_files(session, brand_id=principal.brand)
        return fragment(
            "channels/_imports.html", files=found, words=words, is_live=any(one.is_live for one in found)
        )

    @get("/new", name="channels.import.new", guards=[writers])
    async def new(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        channel: Annotated[str, QueryParameter(max_length=32)] = "",
    ) -> Template:
        """Which file, of which channel, read with which mapping."""
        return await _new_page(session, principal, Form.of(channel=channel))

    @get("/mapping", name="channels.import.mapping", guards=[writers])
    async def shipped_mapping(self, shipped: MappingName = "") -> Template:
        """The text of a mapping that comes with the house, in the field to edit it."""
        return _mapping_field(importing.shipped_mappings().get(shipped, ""))

    @post("/check", name="channels.import.check", guards=[writers], status_code=200)
    async def check(self, request: Request[Any, Any, Any]) -> Template:
        """What a mapping as it stands would do, or what is wrong with it."""
        form = await Form.read(request)
        return fragment("channels/_mapping_check.html", **_checked(form.value("mapping")))

    @post(name="channels.import.upload", guards=[writers], status_code=200, request_max_body_size=MAX_BODY_BYTES)
    async def upload(
        self,
        request: Request[Any, Any, Any],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Keep the file, and have a worker take it in. The same one, still at work, is shown instead."""
        form = await Form.read(request)
        file = (await request.form()).get("file")
        upload_id: uuid.UUID | None = None
        async with form.attempt():
            if not isinstance(file, UploadFile) or not file.filename:
                raise UploadEmpty
            new = NewFile(
                channel=form.value("channel"),
                file_name=file.filename,
                mapping=form.value("mapping"),
                account_id=principal.id,
            )
            try:
                async with services.database.connection(principal.brand) as tx:
                    await channels.check_open(tx, code=new.channel)
                    upload_id = await uploads.keep(tx, new=new, parts=_parts(file))
            except uploads.SameFile as same:
                upload_id = same.upload_id
        if upload_id is not None:
            return see_other(f"{PATH}/{upload_id}")
        async with services.database.unit_of_work(principal.brand) as session:
            return await _new_page(session, principal, form)

    @get("/{upload_id:uuid}", name="channels.import", guards=[readers])
    async def show(
        self,
        upload_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """One uploaded file: how far it is, what came of it, what is wrong with it."""
        return await _file_page(session, principal, upload_id, Form.of())

    @get("/{upload_id:uuid}/progress", name="channels.import.progress", guards=[readers])
    async def progress(
        self,
        upload_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """The moving part of that page."""
        view = await files.of_upload(session, brand_id=principal.brand, upload_id=upload_id)
        return fragment("channels/_progress.html", **await _standing(session, principal, view))

    @post("/{upload_id:uuid}/retry", name="channels.import.retry", guards=[writers], status_code=200)
    async def retry(
        self,
        upload_id: FromPath[uuid.UUID],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Take it in once more; a run that stopped goes on where it stopped."""
        form = Form.of()
        async with form.attempt(), services.database.connection(principal.brand) as tx:
            await uploads.try_again(tx, upload_id=upload_id)
        if not form.failed:
            return see_other(f"{PATH}/{upload_id}", toast=_("It is taken in once more."))
        async with services.database.unit_of_work(principal.brand) as session:
            return await _file_page(session, principal, upload_id, form)

    @post("/{upload_id:uuid}/again", name="channels.import.again", guards=[writers], status_code=200)
    async def again(
        self,
        upload_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """The same file with another mapping."""
        form = await Form.read(request)
        made: uuid.UUID | None = None
        async with form.attempt(), services.database.connection(principal.brand) as tx:
            channel = form.value("channel")
            await channels.check_open(tx, code=channel)
            made = await uploads.take_with(
                tx, upload_id=upload_id, channel=channel, mapping=form.value("mapping"), account_id=principal.id
            )
        if made is not None and not form.failed:
            return see_other(f"{PATH}/{made}")
        async with services.database.unit_of_work(principal.brand) as session:
            return await _file_page(session, principal, upload_id, form)


class RunPages(Controller):
    path = "/hq/channels/runs"
    include_in_schema = False

    @get("/{run_id:uuid}", name="channels.run", guards=[readers])
    async def show(
        self,
        run_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """A run that was started by command."""
        view = await files.of_run(session, brand_id=principal.brand, run_id=run_id)
        return page("channels/import.html", form=Form.of(), **await _standing(session, principal, view))

    @get("/{run_id:uuid}/progress", name="channels.run.progress", guards=[readers])
    async def progress(
        self,
        run_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """The moving part of that page."""
        view = await files.of_run(session, brand_id=principal.brand, run_id=run_id)
        return fragment("channels/_progress.html", **await _standing(session, principal, view))


async def _parts(file: UploadFile) -> AsyncIterator[bytes]:
    while part := await file.read(uploads.CHUNK_BYTES):
        yield part


async def _new_page(session: AsyncSession, principal: Principal, form: Form) -> Template:
    shipped = importing.shipped_mappings()
    text = form.value("mapping")
    return page(
        "channels/import_new.html",
        form=form,
        channel_options=[
            (one.code, words.channel_name(one))
            for one in await channels.list_channels(session, brand_id=principal.brand)
            if one.is_active
        ],
        shipped=[(name, name) for name in sorted(shipped)],
        max_size=words.size(uploads.MAX_FILE_BYTES),
        status_code=form.status,
        **_checked(text),
    )


async def _file_page(session: AsyncSession, principal: Principal, upload_id: uuid.UUID, form: Form) -> Template:
    view = await files.of_upload(session, brand_id=principal.brand, upload_id=upload_id)
    return page(
        "channels/import.html",
        form=form if form.list("mapping") else form.with_values(view.upload, "channel", "mapping"),
        status_code=form.status,
        **await _standing(session, principal, view),
    )


async def _standing(session: AsyncSession, principal: Principal, view: files.FileView) -> dict[str, Any]:
    problems = []
    if view.run is not None:
        problems = await files.problems_of(session, brand_id=principal.brand, run_id=view.run.id)
    return {"view": view, "problems": problems, "words": words, "keep_days": uploads.KEEP_DAYS}


def _mapping_field(text: str) -> Template:
    return fragment("channels/_mapping.html", form=Form.of(mapping=text), **_checked(text))


def _checked(text: str) -> dict[str, Any]:
    """What a mapping fills, or its first mistake."""
    return {"checked": importing.check_mapping(text) if text.strip() else None}
