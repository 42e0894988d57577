"""HQ sees what words of other systems' files are remembered to mean, and has some forgotten."""

from typing import Annotated, Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.pages.imports import PAGE_SIZE, readers, writers
from appointments.pages.look_words import KINDS, kind_label, one_label, state_choices
from appointments.service import remembered
from appointments.service.imports import FILES
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import ngettext
from yundian.platform.web.lists import Cursor
from yundian.platform.web.pages import AnyRequest, page, see_other

_WORDS = f"{FILES.path}/words"

Source = Annotated[str, QueryParameter(max_length=80)]
Kind = Annotated[str, QueryParameter(max_length=8)]
Query = Annotated[str, QueryParameter(max_length=160)]


class RememberedPages(Controller):
    path = _WORDS
    include_in_schema = False

    @get(name="appointments.words", guards=[readers])
    async def list_words(
        self,
        session: NamedDependency[AsyncSession],
        source: Source = "",
        kind: Kind = "",
        q: Query = "",
        cursor: Cursor = None,
    ) -> Template:
        """What words mean, by the system they come from."""
        of_kind = kind if kind in KINDS else ""
        found = await remembered.list_words(
            session, source=source, kind=of_kind, query=q, limit=PAGE_SIZE, cursor=cursor
        )
        return page(
            "appointments/import_words.html",
            words=found.items,
            next_cursor=found.next_cursor,
            sources=[(name, name) for name in await remembered.sources(session)],
            kinds=[(name, kind_label(name)) for name in KINDS],
            kind_of=one_label,
            states=dict(state_choices()),
            filters=Form.of(source=source, kind=of_kind, q=q),
            is_narrowed=bool(source or of_kind or q or cursor),
            path=_WORDS,
        )

    @post(name="appointments.words.forget", guards=[writers], status_code=200)
    async def forget(self, request: AnyRequest, session: NamedDependency[AsyncSession]) -> Response[Any]:
        """The next file asks for what was ticked again."""
        form = await Form.read(request)
        number = await remembered.forget(session, keys=form.list("word"))
        return see_other(_WORDS, toast=ngettext("%(num)s word forgotten", "%(num)s words forgotten", number))
