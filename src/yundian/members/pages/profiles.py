"""HQ looks at members: finds one, and sees what she bought and what happened. Phones are masked, ids not shown."""

import uuid
from typing import Annotated
from urllib.parse import urlencode

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect, Template
from sqlmodel.ext.asyncio.session import AsyncSession

from stores import api as stores
from yundian.members.pages import words
from yundian.members.service import timeline
from yundian.platform.auth.guards import requires
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.lists import Cursor
from yundian.platform.web.pages import AnyRequest, page, see_other

PAGE_SIZE = 50
MOST_TYPED = 64
_PAGE = "/hq/members"

Search = Annotated[str, QueryParameter(max_length=MOST_TYPED)]


class MemberPages(Controller):
    path = _PAGE
    include_in_schema = False
    guards = [requires(Role.HQ_ADMIN, Role.HQ_ANALYST)]  # noqa: RUF012  Litestar's way to guard a controller

    @get(name="members.members")
    async def list_members(
        self,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        q: Search = "",
        cursor: Cursor = None,
    ) -> Template:
        """The newest members; found by a whole order number, or by the beginning of a name."""
        members = await timeline.find_members(
            session, keyring=services.keyring, search=q.strip(), cursor=cursor, limit=PAGE_SIZE
        )
        return page("members/members.html", members=members, search=q, words=words)

    @post("/find", name="members.members.find", status_code=303)
    async def find(
        self, request: AnyRequest, session: NamedDependency[AsyncSession], services: NamedDependency[Services]
    ) -> Redirect:
        """By phone too: in no address, since addresses are kept in histories and in logs of proxies."""
        text = (await Form.read(request)).value("q").strip()[:MOST_TYPED]
        is_phone, member_id = await timeline.find_by_phone(session, keyring=services.keyring, text=text)
        if member_id is not None:
            return see_other(f"{_PAGE}/{member_id}")
        if is_phone:
            return see_other(_PAGE, toast=_("Nobody has this number"))
        return see_other(f"{_PAGE}?{urlencode({'q': text})}" if text else _PAGE)

    @get("/{member_id:uuid}", name="members.member")
    async def show(
        self,
        member_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        cursor: Cursor = None,
    ) -> Template:
        """One member: what she is recognised by, what she bought, and her timeline."""
        profile = await timeline.profile(session, keyring=services.keyring, member_id=member_id)
        happenings = await timeline.timeline(session, member_id=member_id, cursor=cursor, limit=PAGE_SIZE)
        shops = await stores.get_shops(session, ids={one.shop_id for one in happenings.items if one.shop_id})
        return page(
            "members/member.html",
            member=profile,
            happenings=happenings,
            shops=shops,
            words=words,
        )
