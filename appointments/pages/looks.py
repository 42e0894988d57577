"""HQ sees what is in a file before it comes in, says what its words mean, and confirms what was made of them."""

import uuid
from typing import Annotated, Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.pages.imports import LOOKS, OfBookings, readers, writers
from appointments.pages.look_words import shown_part, span_label
from appointments.rules import layouts
from appointments.rules.layouts import FIELDS, MOMENTS, Layout
from appointments.rules.surveyed import MOST_WORDS
from appointments.service import drafts, making, meanings
from appointments.service.imports import FILES
from appointments.service.making import Answer
from appointments.service.meanings import Meanings
from stores import api as stores
from yundian.platform.core.errors import InvalidInput
from yundian.platform.core.principal import Principal
from yundian.platform.db.services import Services
from yundian.platform.files.service import views
from yundian.platform.files.service.views import FileView
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.i18n import ngettext
from yundian.platform.web.pages import AnyRequest, fragment, page, see_other

_DRAFTS = f"{FILES.path}/drafts"
Part = Annotated[int, QueryParameter(ge=0, le=MOST_WORDS)]


class LookPages(OfBookings):
    path = LOOKS

    @get("/{upload_id:uuid}/progress", name="look.progress", guards=[readers])
    async def progress(
        self,
        upload_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """The moving part of a look's page; with its end comes what was found."""
        view = await views.of_upload(session, kind=FILES, brand_id=principal.brand, upload_id=upload_id)
        standing = await self.standing(session, principal, view, Form.of())
        return fragment("appointments/_look.html", **standing)

    @get("/{upload_id:uuid}", name="look.part", guards=[readers])
    async def part(
        self,
        upload_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        number: Part = 0,
    ) -> Template:
        """The next of many words."""
        view = await views.of_upload(session, kind=FILES, brand_id=principal.brand, upload_id=upload_id)
        return await self.file_page(session, principal, view, Form.of(part=number))

    @post("/{upload_id:uuid}", name="look.bring_in", guards=[writers], status_code=200)
    async def bring_in(
        self,
        upload_id: FromPath[uuid.UUID],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Say what its words mean, make what is new, and bring the file in; of many words, go on to the next ones.
        A second tap changes nothing."""
        form = await Form.read(request)
        database, survey_id, made, following, part = services.database, uuid.UUID(int=0), 0, None, None
        async with database.unit_of_work(principal.brand) as session:
            view = await views.of_upload(session, kind=FILES, brand_id=principal.brand, upload_id=upload_id)
            looked = await meanings.see_file(session, view)
            survey_id = looked.survey.id
            if looked.survey.next_upload_id is None:
                part = looked.next_open(shown_part(form, looked)) if form.value("then") == "more" else None
                async with form.attempt(session):
                    made = await making.say(
                        session, survey_id=survey_id, answers=_answers(form, looked), account_id=principal.id
                    )
            if form.failed:
                return await self.file_page(session, principal, view, form)
        if part is not None:
            return see_other(f"{LOOKS}/{upload_id}?number={part}", toast=_told(made) or _("Saved."))
        async with form.attempt(), database.connection(principal.brand) as tx:
            following = await making.bring_in(
                tx, upload_id=upload_id, survey_id=survey_id, account_id=principal.id
            )
        return await self._followed(services, principal, view, form, following, _told(made))

    @post("/{upload_id:uuid}/columns", name="look.columns", guards=[writers], status_code=200)
    async def columns(
        self,
        upload_id: FromPath[uuid.UUID],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Look at the file again, with its columns as they are corrected here."""
        form = await Form.read(request)
        following = None
        async with services.database.unit_of_work(principal.brand) as session:
            view = await views.of_upload(session, kind=FILES, brand_id=principal.brand, upload_id=upload_id)
            looked = await meanings.see_file(session, view)
        async with form.attempt(), services.database.connection(principal.brand) as tx:
            following = await making.look_again(
                tx,
                upload_id=upload_id,
                survey_id=looked.survey.id,
                mapping=form.value("mapping") or layouts.mapping_of(_layout(form, looked)),
                account_id=principal.id,
            )
        return await self._followed(services, principal, view, form, following, "")

    @post("/{upload_id:uuid}/again", name="look.again", guards=[writers], status_code=200)
    async def again(
        self,
        upload_id: FromPath[uuid.UUID],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Look at a file that was brought in, for words that nobody said the meaning of."""
        form, following = Form.of(), None
        async with services.database.unit_of_work(principal.brand) as session:
            view = await views.of_upload(session, kind=FILES, brand_id=principal.brand, upload_id=upload_id)
        mapping = view.upload.mapping if view.upload is not None else ""
        async with form.attempt(), services.database.connection(principal.brand) as tx:
            following = await making.look_at(tx, upload_id=upload_id, mapping=mapping, account_id=principal.id)
        return await self._followed(services, principal, view, form, following, "")

    async def _followed(
        self,
        services: Services,
        principal: Principal,
        view: FileView,
        form: Form,
        following: uuid.UUID | None,
        toast: str,
    ) -> Response[Any]:
        if following is not None and not form.failed:
            return see_other(f"{FILES.path}/imports/{following}", toast=toast)
        async with services.database.unit_of_work(principal.brand) as session:
            return await self.file_page(session, principal, view, form)


class DraftPages(Controller):
    path = _DRAFTS
    include_in_schema = False

    @get(name="appointments.drafts", guards=[readers])
    async def list_drafts(self, session: NamedDependency[AsyncSession]) -> Template:
        """What files made, to be looked at before anybody can book it."""
        found = await drafts.open_drafts(session)
        shop_ids = {shop_id for one in found.people for shop_id in one.person.shop_ids}
        return page(
            "appointments/drafts.html",
            drafts=found,
            shops=await stores.get_shops(session, ids=shop_ids),
            path=_DRAFTS,
            span_label=span_label,
        )

    @post(name="appointments.drafts.confirm", guards=[writers], status_code=200)
    async def confirm(self, request: AnyRequest, session: NamedDependency[AsyncSession]) -> Response[Any]:
        """What was ticked can be booked from now on."""
        form = await Form.read(request)
        number = await drafts.confirm(session, ids=_ids(form.list("draft")))
        return see_other(_DRAFTS, toast=ngettext("%(num)s confirmed", "%(num)s confirmed", number))


def _answers(form: Form, looked: Meanings) -> dict[str, Answer]:
    """What stands in the form beside each word; one that it does not have is left as it is."""
    made = {}
    for kind in looked.kinds.values():
        for name in (one.name for one in (*kind.open, *kind.said) if form.list(one.name)):
            minutes = form.value(f"{name}-minutes").strip()
            if minutes and not (minutes.isascii() and minutes.isdigit() and len(minutes) < 5):
                raise InvalidInput(name, "a length is 5 to 720 minutes, in steps of five")
            made[name] = Answer(
                _meant(form, looked, name),
                code=form.value(f"{name}-code"),
                name=form.value(f"{name}-name"),
                minutes=int(minutes) if minutes else None,
            )
    return made


def _meant(form: Form, looked: Meanings, name: str) -> str:
    """What was chosen for a word, or written where there are too many to choose from."""
    written = form.value(f"{name}-other").strip()
    if not written:
        return form.value(name)
    kind = name.removeprefix("said-").rsplit("-", 1)[0]
    found = looked.names[kind].called(written) if kind in looked.names else ""
    if not found:
        raise InvalidInput(name, "choose one of the list")
    return found


def _layout(form: Form, looked: Meanings) -> Layout:
    """Which column is which, as the form says."""
    return making.corrected(
        looked,
        name=form.value("name"),
        zone=form.value("zone"),
        state=form.value("state"),
        columns={field: form.list(f"column-{field}") for field in FIELDS},
        formats={field: form.value(f"format-{field}") for field in MOMENTS},
    )


def _ids(texts: list[str]) -> list[uuid.UUID]:
    try:
        return [uuid.UUID(text) for text in texts]
    except ValueError as error:
        raise InvalidInput("draft", "must be an id") from error


def _told(made: int) -> str:
    if not made:
        return ""
    return ngettext("%(num)s draft was made", "%(num)s drafts were made", made)
