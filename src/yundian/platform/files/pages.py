"""Screens of the files that people bring in: the list, a new one, how far it is, and what came of it.

A room that has such files makes them its own: it says which kind they are of, what within the kind a file is for,
where there are several, and what stands on its pages beside.
"""

import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, ClassVar

from litestar import Controller, Response, get, post
from litestar.datastructures import UploadFile
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath, QueryParameter
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.auth.guards import requires
from yundian.platform.core.principal import Principal, Role
from yundian.platform.db.database import Tx
from yundian.platform.db.services import Services
from yundian.platform.files.errors import UploadEmpty
from yundian.platform.files.service import uploads, views
from yundian.platform.files.types import FileKind, NewFile
from yundian.platform.web import file_words
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.pages import AnyRequest, fragment, page, see_other

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)

# The file, its mapping, and the form around them.
MAX_BODY_BYTES = uploads.MAX_FILE_BYTES + 1024 * 1024

MappingName = Annotated[str, QueryParameter(name="shipped", max_length=80)]


class FilesController(Controller):
    """What the pages of one kind have in common. ``template``: where the room keeps the pages around the parts."""

    include_in_schema = False
    kind: ClassVar[FileKind]
    template: ClassVar[str]
    # Of the list that starts with a mapping, where most people's files are laid out alike.
    first_mapping: ClassVar[str] = ""
    # The field that says what within the kind a file is for; empty where there is nothing to choose.
    scope_field: ClassVar[str] = ""

    def get_route_handlers(self) -> list[BaseRouteHandler]:
        """Handlers are named by the room they stand in."""
        handlers = super().get_route_handlers()
        for handler in handlers:
            handler.name = f"{self.template}.{handler.name}"
        return handlers

    def scope_label(self) -> str:
        """What stands above that field."""
        return ""

    def tally_label(self, name: str) -> str:
        """What a run counted beside its records."""
        return name

    async def more(self, _session: AsyncSession, _brand: uuid.UUID, _view: views.FileView) -> dict[str, Any]:
        """What the room shows beside how far a file is."""
        return {}

    async def standing(
        self, session: AsyncSession, principal: Principal, view: views.FileView, form: Form
    ) -> dict[str, Any]:
        """What the moving part shows; with its end comes the form that takes the same file in once more."""
        brand, problems = principal.brand, []
        if view.upload is not None and not form.list("mapping"):
            form = form.with_values(view.upload, "mapping")
        if view.run is not None:
            problems = await views.problems_of(session, kind=self.kind, brand_id=brand, run_id=view.run.id)
        return {
            "form": form,
            "view": view,
            "problems": problems,
            "path": self.kind.path,
            "scope_field": self.scope_field,
            "scope_label": self.scope_label(),
            "tally_label": self.tally_label,
            "keep_days": uploads.KEEP_DAYS,
            **await self.more(session, brand, view),
        }

    async def file_page(
        self, session: AsyncSession, principal: Principal, view: views.FileView, form: Form
    ) -> Template:
        standing = await self.standing(session, principal, view, form)
        return page(f"{self.template}/import.html", status_code=form.status, **standing)


class FilePages(FilesController):
    """The list of files, bringing one in, and each uploaded one."""

    async def scopes(self, _session: AsyncSession, _brand: uuid.UUID) -> list[tuple[str, str]]:
        """What a new file may be for, with its name."""
        return []

    async def check_scope(self, _tx: Tx, _scope: str) -> None:
        """Refuse a file that is for nothing it may be for."""

    def scope_of(self, form: Form) -> str:
        """What the file in a form is for."""
        return form.value(self.scope_field) if self.scope_field else ""

    def mapping_of(self, form: Form) -> str:
        """What the file in a form is read with."""
        return form.value("mapping")

    @get(name="imports", guards=[readers])
    async def list_imports(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Template:
        """Files that were brought in, here or by command, the newest first."""
        found = await views.list_files(session, kind=self.kind, brand_id=principal.brand)
        return page(f"{self.template}/imports.html", **await self.listed(session, principal.brand, found))

    @get("/list", name="imports.list", guards=[readers])
    async def list_again(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Template:
        """The same list while something in it moves."""
        found = await views.list_files(session, kind=self.kind, brand_id=principal.brand)
        return fragment("files/_imports.html", **await self.listed(session, principal.brand, found))

    @get("/new", name="import.new", guards=[writers])
    async def new(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        request: AnyRequest,
    ) -> Template:
        """Which file, for what, read with which mapping."""
        mapping = self.kind.shipped_mappings().get(self.first_mapping, "")
        form = Form.of(mapping=mapping)
        if self.scope_field:
            form = form.with_values(**{self.scope_field: request.query_params.get(self.scope_field, "")[:32]})
        return await self._new_page(session, principal, form)

    @get("/mapping", name="import.mapping", guards=[writers])
    async def shipped_mapping(self, shipped: MappingName = "") -> Template:
        """The text of a mapping that comes with the house, in the field to edit it."""
        text = self.kind.shipped_mappings().get(shipped, "")
        form = Form.of(mapping=text)
        return fragment("files/_mapping.html", path=self.kind.path, form=form, **_checked(self.kind, text))

    @post("/check", name="import.check", guards=[writers], status_code=200)
    async def check(self, request: AnyRequest) -> Template:
        """What a mapping as it stands would do, or what is wrong with it."""
        form = await Form.read(request)
        return fragment("files/_mapping_check.html", **_checked(self.kind, form.value("mapping")))

    @post(name="import.upload", guards=[writers], status_code=200, request_max_body_size=MAX_BODY_BYTES)
    async def upload(
        self,
        request: AnyRequest,
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
            new = NewFile(self.scope_of(form), file.filename, self.mapping_of(form), principal.id)
            try:
                async with services.database.connection(principal.brand) as tx:
                    await self.check_scope(tx, new.scope)
                    upload_id = await uploads.keep(tx, kind=self.kind, new=new, parts=_parts(file))
            except uploads.SameFile as same:
                upload_id = same.upload_id
        if upload_id is not None:
            return see_other(f"{self.path}/{upload_id}")
        async with services.database.unit_of_work(principal.brand) as session:
            return await self._new_page(session, principal, form)

    @get("/{upload_id:uuid}", name="import", guards=[readers])
    async def show(
        self,
        upload_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """One uploaded file: how far it is, what came of it, what is wrong with it."""
        return await self._of_upload(session, principal, upload_id, Form.of())

    @get("/{upload_id:uuid}/progress", name="import.progress", guards=[readers])
    async def progress(
        self,
        upload_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """The moving part of that page."""
        view = await views.of_upload(session, kind=self.kind, brand_id=principal.brand, upload_id=upload_id)
        return fragment("files/_progress.html", **await self.standing(session, principal, view, Form.of()))

    @post("/{upload_id:uuid}/retry", name="import.retry", guards=[writers], status_code=200)
    async def retry(
        self,
        upload_id: FromPath[uuid.UUID],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Take it in once more; a run that stopped goes on where it stopped."""
        form = Form.of()
        async with form.attempt(), services.database.connection(principal.brand) as tx:
            await uploads.try_again(tx, kind=self.kind, upload_id=upload_id)
        if not form.failed:
            return see_other(f"{self.path}/{upload_id}", toast=_("It is taken in once more."))
        async with services.database.unit_of_work(principal.brand) as session:
            return await self._of_upload(session, principal, upload_id, form)

    @post("/{upload_id:uuid}/again", name="import.again", guards=[writers], status_code=200)
    async def again(
        self,
        upload_id: FromPath[uuid.UUID],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """The same file with another mapping."""
        form = await Form.read(request)
        made: uuid.UUID | None = None
        async with form.attempt(), services.database.connection(principal.brand) as tx:
            await self.check_scope(tx, self.scope_of(form))
            made = await uploads.take_with(
                tx,
                kind=self.kind,
                upload_id=upload_id,
                scope=self.scope_of(form),
                mapping=form.value("mapping"),
                account_id=principal.id,
            )
        if made is not None and not form.failed:
            return see_other(f"{self.path}/{made}")
        async with services.database.unit_of_work(principal.brand) as session:
            return await self._of_upload(session, principal, upload_id, form)

    async def listed(
        self, _session: AsyncSession, _brand: uuid.UUID, found: Sequence[views.FileView]
    ) -> dict[str, Any]:
        """What the list shows."""
        is_live = any(one.is_live for one in found)
        return {"files": found, "path": self.kind.path, "scope_label": self.scope_label(), "is_live": is_live}

    async def _of_upload(
        self, session: AsyncSession, principal: Principal, upload_id: uuid.UUID, form: Form
    ) -> Template:
        view = await views.of_upload(session, kind=self.kind, brand_id=principal.brand, upload_id=upload_id)
        return await self.file_page(session, principal, view, form)

    async def _new_page(self, session: AsyncSession, principal: Principal, form: Form) -> Template:
        return page(
            f"{self.template}/import_new.html",
            form=form,
            scopes=await self.scopes(session, principal.brand),
            shipped=[(name, name) for name in sorted(self.kind.shipped_mappings())],
            path=self.kind.path,
            max_size=file_words.size(uploads.MAX_FILE_BYTES),
            status_code=form.status,
            **_checked(self.kind, form.value("mapping")),
        )


class FileRunPages(FilesController):
    """Each run, whoever started it."""

    @get("/{run_id:uuid}", name="import_run", guards=[readers])
    async def show(
        self,
        run_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """A run that was started by command."""
        view = await views.of_run(session, kind=self.kind, brand_id=principal.brand, run_id=run_id)
        return await self.file_page(session, principal, view, Form.of())

    @get("/{run_id:uuid}/progress", name="import_run.progress", guards=[readers])
    async def progress(
        self,
        run_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """The moving part of that page."""
        view = await views.of_run(session, kind=self.kind, brand_id=principal.brand, run_id=run_id)
        return fragment("files/_progress.html", **await self.standing(session, principal, view, Form.of()))


async def _parts(file: UploadFile) -> AsyncIterator[bytes]:
    while part := await file.read(uploads.CHUNK_BYTES):
        yield part


def _checked(kind: FileKind, text: str) -> dict[str, Any]:
    """What a mapping fills, or its first mistake."""
    return {"checked": uploads.check_mapping(text, kind=kind) if text.strip() else None}
