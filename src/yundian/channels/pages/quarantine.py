"""HQ looks at what was not taken in: by channel and reason, as it was received, and what a mapping makes of it."""

import uuid
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.channels.pages import words
from yundian.channels.repository.held import HeldFilter, HeldRow
from yundian.channels.service import channels, quarantine, syncing
from yundian.channels.service.quarantine import KINDS, Replayed
from yundian.platform.auth.guards import requires
from yundian.platform.core.errors import DomainError
from yundian.platform.core.principal import Principal, Role
from yundian.platform.db.services import Services
from yundian.platform.intake.conversions import FieldProblem
from yundian.platform.intake.models import QuarantineState
from yundian.platform.web import file_words
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.i18n import ngettext
from yundian.platform.web.lists import Cursor
from yundian.platform.web.pages import fragment, page, see_other

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)

PATH = "/hq/channels/quarantine"
PAGE_SIZE = 50

Text = Annotated[str, QueryParameter(max_length=80)]
Id = Annotated[uuid.UUID | None, QueryParameter()]


class QuarantinePages(Controller):
    path = PATH
    include_in_schema = False

    @get(name="channels.quarantine", guards=[readers])
    async def list_held(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        show: Text = "open",
        channel: Text = "",
        code: Text = "",
        run: Id = None,
        cursor: Cursor = None,
    ) -> Template:
        """What waits for somebody, or was settled."""
        wanted = _wanted(show, channel, code, run)
        return page(
            "channels/quarantine.html",
            held=await quarantine.list_held(
                session, brand_id=principal.brand, wanted=wanted, limit=PAGE_SIZE, cursor=cursor
            ),
            codes=await quarantine.codes(session, brand_id=principal.brand, wanted=wanted),
            wanted=wanted,
            filters=Form.of(show=wanted.state.value, channel=channel, code=code),
            states=file_words.state_choices(),
            channels=[
                (one.code, words.channel_name(one))
                for one in await channels.list_channels(session, brand_id=principal.brand)
            ],
            words=words,
        )

    @post("/replay", name="channels.quarantine.replay_all", guards=[writers], status_code=303)
    async def replay_all(
        self,
        request: Request[Any, Any, Any],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Try all of a code again, up to a thousand at once."""
        form = await Form.read(request)
        wanted = _wanted("open", form.value("channel"), form.value("code"), form.id("run"))
        done = await quarantine.replay_all(
            services.database, brand=principal.brand, keyring=services.keyring, wanted=wanted
        )
        return see_other(PATH, toast=_told(done))

    @get("/{held_id:uuid}", name="channels.quarantine.record", guards=[readers])
    async def show(
        self,
        held_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """One document: as received, what is wrong with it, and what it is mapped to."""
        row = await quarantine.get(session, brand_id=principal.brand, held_id=held_id)
        return _record(row, Form.of(mapping=row.run.mapping))

    @post("/{held_id:uuid}/try", name="channels.quarantine.try", guards=[writers], status_code=200)
    async def try_mapping(
        self,
        held_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """What the mapping as it stands makes of this document; nothing is written."""
        form = await Form.read(request)
        row = await quarantine.get(session, brand_id=principal.brand, held_id=held_id)
        return fragment("channels/_tried.html", tried=_tried(row, form.value("mapping")))

    @post("/{held_id:uuid}/replay", name="channels.quarantine.replay", guards=[writers], status_code=200)
    async def replay(
        self,
        held_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Try it again, or all of its code and run, with the mapping as it was corrected."""
        form = await Form.read(request)
        async with services.database.unit_of_work(principal.brand) as session:
            row = await quarantine.get(session, brand_id=principal.brand, held_id=held_id)
        mapping = form.value("mapping") if row.held.kind != syncing.KIND else ""
        done: Replayed | None = None
        async with form.attempt():
            if form.value("all"):
                wanted = HeldFilter(KINDS, channel=row.run.scope, code=row.held.code, run_id=row.run.id)
                done = await quarantine.replay_all(
                    services.database,
                    brand=principal.brand,
                    keyring=services.keyring,
                    wanted=wanted,
                    mapping=mapping,
                )
            else:
                done = await quarantine.replay(
                    services.database,
                    brand=principal.brand,
                    keyring=services.keyring,
                    ids=[held_id],
                    mapping=mapping,
                )
        if done is not None and not form.failed and not done.still_held:
            return see_other(PATH, toast=_told(done))
        if done is not None and done.problem is not None:
            form.status, form.message = 400, _told(done)
        async with services.database.unit_of_work(principal.brand) as session:
            row = await quarantine.get(session, brand_id=principal.brand, held_id=held_id)
        return _record(row, form)

    @post("/{held_id:uuid}/discard", name="channels.quarantine.discard", guards=[writers], status_code=200)
    async def discard(
        self,
        held_id: FromPath[uuid.UUID],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Put it aside; its own page takes that back."""
        form = Form.of()
        async with form.attempt(), services.database.connection(principal.brand) as tx:
            await quarantine.discard(tx, held_id=held_id)
        return await _settled(services, principal, held_id, form, _("The document was discarded."))

    @post("/{held_id:uuid}/undo", name="channels.quarantine.undo", guards=[writers], status_code=200)
    async def undo(
        self,
        held_id: FromPath[uuid.UUID],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Have a discarded one looked at again."""
        form = Form.of()
        async with form.attempt(), services.database.connection(principal.brand) as tx:
            await quarantine.undo_discard(tx, held_id=held_id)
        return await _settled(services, principal, held_id, form, _("The document waits again."))


def _wanted(show: str, channel: str, code: str, run: uuid.UUID | None) -> HeldFilter:
    state = QuarantineState(show) if show in set(QuarantineState) else QuarantineState.OPEN
    return HeldFilter(KINDS, state, channel, code, run)


async def _settled(
    services: Services, principal: Principal, held_id: uuid.UUID, form: Form, toast: str
) -> Response[Any]:
    async with services.database.unit_of_work(principal.brand) as session:
        row = await quarantine.get(session, brand_id=principal.brand, held_id=held_id)
    if not form.failed:
        return see_other(f"{PATH}/{held_id}", toast=toast)
    return _record(row, form)


def _record(row: HeldRow, form: Form) -> Template:
    is_file = row.held.kind != syncing.KIND
    mapping = form.value("mapping") or row.run.mapping
    return page(
        "channels/held.html",
        status_code=form.status,
        form=form if form.list("mapping") else form.with_values(mapping=mapping),
        held=row.held,
        run=row.run,
        is_file=is_file,
        raw=_readable(row.held.raw) if not is_file else row.held.raw,
        is_tryable=not is_file or row.held.source is not None,
        tried=_tried(row, mapping),
        words=words,
    )


def _tried(row: HeldRow, mapping: str) -> dict[str, Any]:
    """The document that comes of it, or why none does."""
    tried: dict[str, Any] = {"document": "", "problem": None, "refused": None}
    try:
        tried["document"] = quarantine.document_of(row, mapping)
    except FieldProblem as error:
        tried["problem"] = error.problem
    except DomainError as error:
        tried["refused"] = error
    return tried


def _readable(raw: str) -> str:
    """JSON with line breaks, if it is JSON; the text itself stays as it is in the database."""
    try:
        return msgspec.json.format(raw, indent=2)
    except (msgspec.DecodeError, RecursionError):
        return raw


def _told(done: Replayed) -> str:
    if done.still_held:
        return _("Taken in: %(good)s. Still held: %(held)s.", good=done.taken_in, held=done.still_held)
    return ngettext(
        "%(count)s document was taken in.",
        "%(count)s documents were taken in.",
        done.taken_in,
        count=done.taken_in,
    )
