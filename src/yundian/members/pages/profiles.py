"""HQ looks at members: finds one, and sees what she bought and what happened. Numbers are masked."""

import uuid
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect, Template
from sqlmodel.ext.asyncio.session import AsyncSession

from stores import api as stores
from yundian.brands import api as brands
from yundian.catalog import api as catalog
from yundian.members.pages import words
from yundian.members.rules import is_phone
from yundian.members.service import profiles, twins
from yundian.members.types import Happening, MemberRow
from yundian.platform.auth.guards import requires
from yundian.platform.core.principal import Principal, Role
from yundian.platform.core.words import ENGLISH
from yundian.platform.db.paging import Page
from yundian.platform.db.services import Services
from yundian.platform.web.context import current
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.lists import Cursor
from yundian.platform.web.names import channel_names
from yundian.platform.web.pages import AnyRequest, page, see_other

PAGE_SIZE = 50
MOST_TYPED = 120
_PAGE = "/hq/members"

Search = Annotated[str, QueryParameter(max_length=MOST_TYPED)]
Chosen = Annotated[list[uuid.UUID] | None, QueryParameter(name="member", max_items=profiles.MOST_FOUND)]
Channel = Annotated[str, QueryParameter(max_length=32)]


class TwinForm(msgspec.Struct, frozen=True, kw_only=True):
    other: uuid.UUID


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
        chosen: Chosen = None,
        cursor: Cursor = None,
    ) -> Template:
        """The newest members; whose name begins so; or those that a number led to."""
        return page(
            "members/members.html",
            members=await _members(session, services, q.strip(), chosen or [], cursor),
            twins=[] if q or chosen or cursor else await twins.undecided(session),
            search=q,
            zone=await brands.zone_of(session),
            words=words,
        )

    @post("/find", name="members.members.find", status_code=303)
    async def find(
        self, request: AnyRequest, session: NamedDependency[AsyncSession], services: NamedDependency[Services]
    ) -> Redirect:
        """By any number: in no address, since addresses are kept in histories and in logs of proxies."""
        text = (await Form.read(request)).value("q").strip()[:MOST_TYPED]
        if not text:
            return see_other(_PAGE)
        found = await profiles.ids_by_number(session, keyring=services.keyring, text=text)
        if len(found) == 1:
            return see_other(f"{_PAGE}/{found[0]}")
        if found:
            return see_other(f"{_PAGE}?{urlencode([('member', one) for one in found])}")
        if is_phone(text):
            return see_other(_PAGE, toast=_("Nobody has this number"))
        return see_other(f"{_PAGE}?{urlencode({'q': text})}")

    @get("/{member_id:uuid}", name="members.member")
    async def show(
        self,
        member_id: FromPath[uuid.UUID],
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        channel: Channel = "",
        cursor: Cursor = None,
    ) -> Template:
        """One member: what she is recognised by, what she bought where, and her timeline."""
        profile = await profiles.profile(session, keyring=services.keyring, member_id=member_id)
        happenings = await profiles.timeline(
            session, member_id=member_id, channel=channel, cursor=cursor, limit=PAGE_SIZE
        )
        happenings = await _told(session, happenings)
        return page(
            "members/member.html",
            member=profile,
            twins=await twins.of_member(session, member_id=member_id),
            shares=words.shares(profile.by_channel),
            happenings=happenings,
            shops=await stores.get_shops(session, ids={one.shop_id for one in happenings.items if one.shop_id}),
            channel=channel,
            channels=await channel_names(request, session),
            zone=await brands.zone_of(session),
            words=words,
        )


async def _told(session: AsyncSession, found: Page[Happening]) -> Page[Happening]:
    """With what she bought, booked and tried as the reader calls it: said in English by who wrote it down, or by
    the catalogue since."""
    if current().locale != ENGLISH:
        return found
    names = {str(one.facts["name"]) for one in found.items if one.facts.get("name")}
    said = await catalog.english_names(session, names=names)
    return Page([_in_english(one, said) for one in found.items], found.next_cursor)


def _in_english(one: Happening, said: dict[str, str]) -> Happening:
    name = one.facts.get("name_en") or said.get(str(one.facts.get("name", "")))
    return msgspec.structs.replace(one, facts={**one.facts, "name": name}) if name else one


class TwinPages(Controller):
    path = _PAGE
    include_in_schema = False

    @post(
        "/{member_id:uuid}/two-people",
        name="members.member.two_people",
        guards=[requires(Role.HQ_ADMIN)],
        status_code=200,
    )
    @idempotent
    async def say_two(
        self,
        member_id: FromPath[uuid.UUID],
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """She and another member are two people: nobody is asked again."""
        form = await Form.read(request)
        async with form.attempt(session):
            other_id = form.parse(TwinForm).other
            await twins.say_two(session, member_id=member_id, other_id=other_id, actor_id=principal.id)
        return see_other(f"{_PAGE}/{member_id}", toast=form.message or _("They stay two members"))


async def _members(
    session: AsyncSession, services: Services, prefix: str, chosen: list[uuid.UUID], cursor: str | None
) -> Page[MemberRow]:
    if chosen:
        return await profiles.of_ids(session, keyring=services.keyring, ids=chosen)
    if prefix:
        return await profiles.called(session, keyring=services.keyring, prefix=prefix)
    return await profiles.newest(session, keyring=services.keyring, cursor=cursor, limit=PAGE_SIZE)
