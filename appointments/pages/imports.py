"""HQ brings appointments of other systems in, sees what came of a file, and mends what was held."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.pages.look_words import in_words, words_of_looks
from appointments.rules import layouts
from appointments.service import drafts, meanings, replaying, surveys, taking_back
from appointments.service.imports import BOOKINGS, FILES
from yundian.platform.auth.guards import requires
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Principal, Role
from yundian.platform.db.services import Services
from yundian.platform.files.pages import FilePages, FileRunPages, FilesController
from yundian.platform.files.service import views
from yundian.platform.files.service.views import FileView
from yundian.platform.intake import quarantine
from yundian.platform.intake.models import QuarantineState
from yundian.platform.web import file_words, held
from yundian.platform.web.forms import Form
from yundian.platform.web.held import HeldPlace
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.lists import Cursor
from yundian.platform.web.pages import AnyRequest, page, see_other

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)

HELD = HeldPlace(BOOKINGS, f"{FILES.path}/quarantine")
PAGE_SIZE = 50

# Where files are looked at, and what the look led to.
LOOKS = f"{FILES.path}/looks"
# Refusals that end when somebody says what a word means.
OPEN_WORDS = frozenset(
    f"appointments.{name}" for name in ("shop_unknown", "service_unknown", "staff_unknown", "state_unknown")
)

RunId = Annotated[uuid.UUID | None, QueryParameter(name="run")]
Shown = Annotated[str, QueryParameter(max_length=20)]


def kept_because(why: str) -> str:
    """Why an appointment stays when its import is taken back."""
    return {
        "changed": _("something happened to them since"),
        "tried": _("it was noted what was tried"),
        "bought": _("somebody bought with them"),
        "waited": _("they came from the waiting list"),
        "used": _("shops, services or people that were made for it are in use"),
        "confirmed": _("shops, services or people that were made for it were confirmed"),
        "busy": _("somebody was working on them: take the import back once more"),
    }.get(why, why)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why so many records of a run are held."""

    code: str
    sentence: str
    rows: int


class OfBookings(FilesController):
    """What pages of files of appointments have in common."""

    kind = FILES
    template = "appointments"

    async def standing(
        self, session: AsyncSession, principal: Principal, view: FileView, form: Form
    ) -> dict[str, Any]:
        """Of a look, what was typed and what is wrong with it stand in its own form."""
        found = await super().standing(session, principal, view, form)
        return found | words_of_looks(found["looked"], form) | {"form": form} if view.scope else found

    async def more(self, session: AsyncSession, brand: uuid.UUID, view: FileView) -> dict[str, Any]:
        """What of an import is here, why some was held, and taking it back; or what a look found."""
        survey = await meanings.survey_of(session, view)
        if view.scope:
            looked = await meanings.see(session, survey) if survey is not None and not view.is_live else None
            return {"is_look": True, "survey": survey, "looked": looked, "looks": LOOKS}
        drafted = (await drafts.open_drafts(session)).count if not view.is_live else 0
        if view.run is None:
            return {"drafted": drafted}
        found = await taking_back.see(session, brand_id=brand, run_id=view.run.id)
        reasons = await quarantine.count_by_reason(session, brand_id=brand, kind=BOOKINGS.name, run_id=view.run.id)
        return {
            "here": found.here,
            "made": found.made,
            "back": found.back,
            "kept_because": kept_because,
            "drafted": drafted,
            "reasons": [Reason(code, in_words(text), rows) for code, text, rows in reasons],
            "has_open_words": any(code in OPEN_WORDS for code, _text, _rows in reasons),
            "looks": LOOKS,
        }


class ImportPages(OfBookings, FilePages):
    path = f"{FILES.path}/imports"

    def scope_of(self, form: Form) -> str:
        """A file is looked at first, unless its mapping comes with it and nobody asks for a look."""
        return new_id().hex if form.value("look") or not form.value("mapping").strip() else ""

    def mapping_of(self, form: Form) -> str:
        """Without one, which column is which is guessed."""
        return form.value("mapping") if form.value("mapping").strip() else layouts.UNKNOWN

    async def listed(self, session: AsyncSession, brand: uuid.UUID, found: Sequence[FileView]) -> dict[str, Any]:
        """Looks stand above: those that nothing came of yet."""
        looks = [one for one in found if one.scope and one.upload is not None]
        followed = await surveys.followed(session, ids=[uuid.UUID(one.scope) for one in looks])
        is_live = any(one.is_live for one in found)
        return {
            "files": [one for one in found if not one.scope],
            "waiting": [one for one in looks if uuid.UUID(one.scope) not in followed],
            "drafted": (await drafts.open_drafts(session)).count,
            "path": FILES.path,
            "scope_label": "",
            "is_live": is_live,
        }


class ImportRunPages(OfBookings, FileRunPages):
    path = f"{FILES.path}/runs"

    @post("/{run_id:uuid}/undo", name="import_run.undo", guards=[writers], status_code=200)
    async def undo(
        self,
        run_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Have the import taken back: what it brought in and nobody has touched since."""
        view = await views.of_run(session, kind=FILES, brand_id=principal.brand, run_id=run_id)
        await taking_back.take_back(session, view=view, account_id=principal.id)
        return see_other(view.url)


class HeldPages(Controller):
    path = HELD.path
    include_in_schema = False

    @get(name="appointments.held", guards=[readers])
    async def list_held(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        show: Shown = "open",
        run: RunId = None,
        cursor: Cursor = None,
    ) -> Template:
        """What files could not bring in: of one import, or of all."""
        wanted = QuarantineState(show) if show in set(QuarantineState) else QuarantineState.OPEN
        return page(
            "appointments/held.html",
            held=await quarantine.list_quarantine(
                session,
                brand_id=principal.brand,
                kind=BOOKINGS.name,
                state=wanted,
                run_id=run,
                limit=PAGE_SIZE,
                cursor=cursor,
            ),
            filters=Form.of(show=wanted.value),
            states=file_words.state_choices(),
            run_id=run,
            path=HELD.path,
        )

    @post("/replay", name="appointments.held.replay_all", guards=[writers], status_code=200)
    async def replay_all(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Try all that waits again as it stands, up to a thousand at once."""
        form = await Form.read(request)
        run_id = form.id("run")
        good, still = await replaying.replay_all(services.database, brand=principal.brand, run_id=run_id)
        back = f"{HELD.path}?run={run_id}" if run_id is not None else HELD.path
        return see_other(back, toast=_("Taken in: %(good)s. Still held: %(held)s.", good=good, held=still))

    @get("/{held_id:uuid}", name="appointments.held.record", guards=[readers])
    async def show(
        self,
        held_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """One record: as it stood in the file, what is wrong, and its columns to correct."""
        return await held.show(session, HELD, brand=principal.brand, held_id=held_id)

    @post("/{held_id:uuid}/replay", name="appointments.held.replay", guards=[writers], status_code=200)
    async def replay(
        self,
        held_id: FromPath[uuid.UUID],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Try the record again with what was corrected."""
        return await held.replay(request, services, HELD, brand=principal.brand, held_id=held_id)

    @post("/{held_id:uuid}/discard", name="appointments.held.discard", guards=[writers], status_code=200)
    async def discard(
        self,
        held_id: FromPath[uuid.UUID],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Leave the record out."""
        return await held.discard(request, services, HELD, brand=principal.brand, held_id=held_id)

    @post("/{held_id:uuid}/undo", name="appointments.held.undo", guards=[writers], status_code=200)
    async def undo(
        self,
        held_id: FromPath[uuid.UUID],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Have it looked at after all."""
        return await held.undo(request, services, HELD, brand=principal.brand, held_id=held_id)
