"""Links are made once, opened by people and by machines, passed on, and end."""

import asyncio
import datetime as dt
import uuid
from typing import Any

import httpx
import pytest
from litestar import Litestar

from stores.states import ShopStatus
from tests.attribution.makers import credited, decided, make_link, target, touch
from tests.helpers import make_client
from tests.members.makers import count, make_customer
from tests.people import sign_in_as
from tests.stores.makers import make_shop, shop_fields
from yundian.attribution import api
from yundian.attribution.errors import BadTarget, LinkUnknown
from yundian.attribution.handlers import claim_scans, note_refund, note_scan
from yundian.attribution.rules import moment_of
from yundian.attribution.service import agents, links
from yundian.attribution.types import (
    AgentClass,
    Channel,
    CreditRule,
    LinkNumbers,
    LinkView,
    Mark,
    TouchKind,
)
from yundian.brands.types import BrandView
from yundian.members.events import MemberJoined, WeChatHappened
from yundian.members.repository import people as member_rows
from yundian.members.service import joining
from yundian.members.types import IdentityKind, Known
from yundian.orders.events import OrderFacts, OrderRefunded
from yundian.platform.core import clock
from yundian.platform.core.ids import first_id_at, new_id
from yundian.platform.core.principal import Role
from yundian.platform.db.counting import counted
from yundian.platform.db.services import Services
from yundian.platform.outbox.declare import Delivered

pytestmark = pytest.mark.anyio

WECHAT = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Mobile/15E148 MicroMessenger/8.0.44(0x18002c2f) NetType/WIFI Language/zh_CN"
)
CRAWLERS = [
    "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
    "Mozilla/5.0 (Linux; U; Android 5.0) QQ-URL-Manager",
    "facebookexternalhit/1.1",
    "curl/8.5.0",
    "",
]
BROWSER = b"b" * 32


async def open_link(client: httpx.AsyncClient, link: LinkView, **headers: str) -> httpx.Response:
    headers = {"User-Agent": WECHAT, "Accept": "text/html", **headers}
    return await client.get(link.path, headers=headers)


async def touches(services: Services, link: LinkView) -> list[tuple[Any, ...]]:
    async with services.database.connection(link.brand_id) as tx:
        rows = await tx.fetch(
            "SELECT kind, agent, is_bot, is_own, member_id, visitor_hash IS NOT NULL AS has_visitor"
            " FROM attribution_touch WHERE link_id = $1 ORDER BY id",
            link.id,
        )
    return [tuple(row) for row in rows]


async def numbers(services: Services, link: LinkView) -> LinkNumbers:
    assert link.shop_id is not None
    async with services.database.connection(link.brand_id) as tx:
        found = await links.list_links(tx, shop_id=link.shop_id, is_everybodys=True)
    return next(one for one in found.items if one.link.id == link.id)


async def test_a_link_is_made_once_for_a_shop_a_person_a_target_and_a_channel(
    services: Services, brand: BrandView
) -> None:
    shop = await make_shop(services, brand)
    staff = new_id()

    made = await asyncio.gather(*(make_link(services, brand, shop.id) for _ in range(6)))
    again = await make_link(services, brand, shop.id, title="新标题", expires_at=clock.now(), price_minor=8_800)
    others = [
        await make_link(services, brand, shop.id, channel=Channel.POSTER),
        await make_link(services, brand, shop.id, staff_id=staff),
        await make_link(services, brand, None),
        await make_link(services, brand, shop.id, target_id=new_id()),
    ]

    assert {link.token for link in made} == {again.token}
    assert len(again.token) == 10
    # What a chat and a poster show is brought up to date.
    assert (again.title, again.price_minor) == ("新标题", 8_800)
    assert again.expires_at is not None
    assert len({link.token for link in (again, *others)}) == 5
    found = await api.resolve(services.database, keyring=services.keyring, token=again.token.lower())
    assert found == again
    for unknown in ("NOSUCHTOKE", "", "x" * 40, "ABC"):
        with pytest.raises(LinkUnknown):
            await api.resolve(services.database, keyring=services.keyring, token=unknown)
    with pytest.raises(BadTarget):
        await make_link(services, brand, shop.id, target_path="//evil.example/x")


async def test_opening_a_link_keeps_a_touch_and_leads_to_the_target(
    app: Litestar, services: Services, brand: BrandView
) -> None:
    shop = await make_shop(services, brand)
    link = await make_link(services, brand, shop.id, target_path="/docs?x=1#top")
    customer, stranger = await make_customer(services, brand), await sign_in_as(services, brand.id, Role.HQ_ADMIN)
    async with make_client(app) as browser:
        await open_link(browser, link)
        first = await open_link(browser, link)
        with counted() as statements:
            second = await open_link(browser, link)
        browser.cookies.set("yundian_customer", customer.token, domain="testserver.local")

    assert (first.status_code, first.headers["location"]) == (303, f"/docs?x=1&via={link.token}#top")
    # Who comes again within half a minute came once; the visitor keeps her value.
    assert "yundian_visitor" not in second.headers.get("set-cookie", "")
    assert await touches(services, link) == [("open", "wechat", False, False, None, True)]
    # Once the token's brand is known, opening is one statement.
    assert len([sql for sql in statements if "attribution" in sql]) == len(statements) == 1

    async with make_client(app) as signed_in:
        cookies = f"yundian_customer={customer.token}; yundian_session={stranger.token}"
        answer = await open_link(signed_in, link, Cookie=cookies)
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "samesite=lax" in answer.headers["set-cookie"].lower()
    # Both may be signed in in one browser: she is the member, and HQ is not people of the shop.
    assert (await touches(services, link))[-1] == ("open", "wechat", False, False, customer.id, True)
    assert (await numbers(services, link)).opens == 2


async def test_machines_and_the_shops_own_people_are_kept_and_not_counted(
    app: Litestar, services: Services, brand: BrandView
) -> None:
    shop, other = [await make_shop(services, brand, fields=shop_fields(code)) for code in ("A", "B")]
    link = await make_link(services, brand, shop.id)
    own = await sign_in_as(services, brand.id, Role.SHOP_STAFF, shop_id=shop.id)
    colleague = await sign_in_as(services, brand.id, Role.SHOP_OWNER, shop_id=other.id)

    for agent in CRAWLERS:
        async with make_client(app) as machine:
            answer = await open_link(machine, link, **{"User-Agent": agent})
            assert answer.status_code == 303
            assert "yundian_visitor" not in answer.headers.get("set-cookie", "")
    async with make_client(app) as ahead:
        await open_link(ahead, link, **{"Sec-Purpose": "prefetch;prerender"})
    kept = await touches(services, link)
    assert kept == [("open", "bot", True, False, None, False)] * (len(CRAWLERS) + 1)

    for person in (own, colleague):
        async with make_client(app) as browser:
            await open_link(browser, link, **person.headers)
    kept = (await touches(services, link))[len(CRAWLERS) + 1 :]
    assert [touched[3] for touched in kept] == [True, False]
    assert (await numbers(services, link)).opens == 1


async def test_what_asks_is_told_apart_by_its_name() -> None:
    assert agents.class_of(WECHAT) is AgentClass.WECHAT
    assert agents.class_of("Mozilla/5.0 (Linux; Android 13) Chrome/116 Mobile Safari/537.36") is AgentClass.PHONE
    desktop = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0"
    assert agents.class_of(desktop) is AgentClass.DESKTOP
    assert agents.class_of(WECHAT, is_prefetch=True) is AgentClass.BOT
    assert {agents.class_of(name) for name in CRAWLERS} == {AgentClass.BOT}


async def test_a_link_that_ended_still_leads_there_and_says_so(
    app: Litestar, services: Services, brand: BrandView
) -> None:
    shop = await make_shop(services, brand, fields=shop_fields("A"))
    shut = await make_shop(services, brand, fields=shop_fields("B"), status=ShopStatus.CLOSED)
    live = await make_link(services, brand, shop.id)
    expired = await make_link(services, brand, shop.id, target_id=new_id(), expires_at=clock.now())
    closed = await make_link(services, brand, shut.id)
    revoked = await make_link(services, brand, shop.id, target_id=new_id())
    async with services.database.unit_of_work(brand.id) as session:
        assert await api.revoke_link(session, link_id=revoked.id)
        assert not await api.revoke_link(session, link_id=revoked.id)

    said = dict[str, str]()
    for name, link in {"live": live, "expired": expired, "closed": closed, "revoked": revoked}.items():
        async with make_client(app) as browser:
            answer = await open_link(browser, link, **{"Accept-Language": "en"})
            assert answer.headers["location"] == f"/docs?via={link.token}"
            said[name] = browser.cookies.get("toast") or ""
            value = browser.cookies["yundian_visitor"]
        visitor = api.visitor_of(services.settings, services.keyring, {"yundian_visitor": value})
        credit = await decided(services, brand, visitor=visitor)
        assert (credit.rule is CreditRule.LINK) is (name == "live"), name

    assert said["live"] == ""
    assert "ended" in said["expired"]
    assert "ended" in said["revoked"]
    assert "closed" in said["closed"]
    # Made again after its end, it is another link.
    assert (await make_link(services, brand, shop.id, target_id=revoked.target_id)).token != revoked.token


async def test_an_unknown_token_gets_a_kind_page(client: httpx.AsyncClient) -> None:
    for token in ("NOSUCHTOKE", "%00%00", "x" * 300, "a%2Fb"):
        answer = await client.get(f"/s/{token}", headers={"Accept": "text/html", "Accept-Language": "en"})
        assert answer.status_code == 404
        assert "location" not in answer.headers
    answer = await client.get("/s/NOSUCHTOKE", headers={"Accept": "text/html", "Accept-Language": "en"})
    assert "We do not know this link" in answer.text


async def test_what_a_customer_passes_on_stays_the_shops(services: Services, brand: BrandView) -> None:
    shop, staff = await make_shop(services, brand), new_id()
    link = await make_link(services, brand, shop.id, staff_id=staff)
    giver, friend = await make_customer(services, brand), await make_customer(services, brand)

    async with services.database.connection(brand.id) as tx:
        first = await api.share_onward(tx, keyring=services.keyring, parent=link, member_id=giver.id)
        again = await api.share_onward(tx, keyring=services.keyring, parent=link, member_id=giver.id)
        second = await api.share_onward(tx, keyring=services.keyring, parent=first, member_id=friend.id)

    assert first == again
    assert (first.shop_id, first.staff_id, first.campaign_id) == (shop.id, staff, link.campaign_id)
    assert (first.parent_link_id, second.parent_link_id) == (link.id, first.id)
    await touch(services, second, visitor=BROWSER, member_id=None)
    credit = await decided(services, brand, visitor=BROWSER)
    assert (credit.shop_id, credit.staff_id, credit.link_id, credit.marks) == (shop.id, staff, second.id, ())
    # Who buys by her own share is marked.
    own = await decided(services, brand, visitor=BROWSER, member_id=friend.id)
    assert (own.shop_id, own.marks) == (shop.id, (Mark.SELF_PURCHASE,))
    # The shop sees what came of its link, however far it went; and what was paid back is taken off.
    subject = await credited(services, brand, credit, minor=10_000)
    async with services.database.connection(brand.id) as tx:
        await api.finalise(tx, [subject])
        for _ in range(2):
            await note_refund.handle(tx, [_refund(subject.id, 3_000), _refund(subject.id, 1_000)])
        # One that comes late tells less than is known.
        await note_refund.handle(tx, [_refund(subject.id, 2_000)])
    found = await numbers(services, link)
    assert (found.opens, found.orders, found.sales_minor) == (1, 1, 7_000)
    # The end of the first is the end of all.
    async with services.database.connection(brand.id) as tx:
        assert await api.revoke_link(tx, link_id=link.id)
    assert (await api.resolve(services.database, keyring=services.keyring, token=second.token)).revoked_at


def _refund(order_id: Any, refunded_minor: int) -> Delivered[OrderRefunded]:
    order = OrderFacts(
        order_id=order_id,
        number="N",
        channel="groupbuy",
        member_id=None,
        attributed_shop_id=None,
        fulfil_shop_id=None,
        home_shop_id=None,
        staff_id=None,
        campaign_id=None,
        origin_type="",
        origin_id=None,
        currency="CNY",
        goods_minor=10_000,
        discount_minor=0,
        shipping_minor=0,
        total_minor=10_000,
        placed_at=clock.now(),
        lines=(),
    )
    event = OrderRefunded(
        order=order,
        refund_id=new_id(),
        amount_minor=1_000,
        refunded_minor=refunded_minor,
        refunded_at=clock.now(),
        was_released=True,
        lines=(),
    )
    return Delivered(new_id(), event)


async def test_a_scanned_code_is_a_touch_of_who_scanned_also_when_she_joins_later(
    services: Services, brand: BrandView
) -> None:
    shop = await make_shop(services, brand)
    link = await make_link(services, brand, shop.id)
    known = await make_customer(services, brand)
    # Kept by members as WeChat told it, before anybody was known by this openid.
    openid, event_id = f"o-{new_id()}", new_id()
    who = joining.sealed(services.keyring, Known(IdentityKind.OPENID, openid, scope="wx0000000000000000"))
    async with services.database.connection(brand.id) as tx:
        await member_rows.add_event(
            tx,
            event_id=event_id,
            app_id="wx0000000000000000",
            ref_hash=new_id().bytes * 2,
            kind="subscribe",
            openid=who,
            scene=link.token,
            happened_at=clock.now(),
            now=clock.now(),
        )
        told = [
            WeChatHappened(event_id=new_id(), kind="scan", scene=link.token, member_id=known.id),
            WeChatHappened(event_id=event_id, kind="subscribe", scene=link.token, member_id=None),
            WeChatHappened(event_id=new_id(), kind="scan", scene="table-7", member_id=known.id),
            WeChatHappened(event_id=new_id(), kind="scan", scene="NOSUCHTOKE", member_id=known.id),
            WeChatHappened(event_id=new_id(), kind="unsubscribe", scene="", member_id=known.id),
        ]
        await note_scan.handle(tx, [Delivered(new_id(), event) for event in told])
    assert [touched[0] for touched in await touches(services, link)] == ["scan", "scan"]
    assert (await decided(services, brand, member_id=known.id)).shop_id == shop.id

    late = await make_customer(services, brand, openid=openid)
    assert (await decided(services, brand, member_id=late.id)).shop_id is None
    async with services.database.connection(brand.id) as tx:
        await claim_scans.handle(tx, [Delivered(new_id(), MemberJoined(member_id=late.id, via="wechat"))])
        await claim_scans.handle(tx, [Delivered(new_id(), MemberJoined(member_id=known.id, via="wechat"))])

    credit = await decided(services, brand, member_id=late.id)
    assert (credit.shop_id, credit.evidence.touches[0].kind) == (shop.id, TouchKind.SCAN)
    assert abs(credit.evidence.touches[0].at - clock.now()) < dt.timedelta(minutes=1)
    assert (await numbers(services, link)).opens == 2


async def test_old_touches_are_forgotten_and_stay_counted(services: Services, brand: BrandView) -> None:
    shop = await make_shop(services, brand)
    link = await make_link(services, brand, shop.id)
    await touch(services, link, visitor=BROWSER)
    await touch(services, link, agent=AgentClass.BOT)
    await touch(services, link, visitor=BROWSER, kind=TouchKind.JOIN)
    long_ago = first_id_at(clock.now() - links.KEEP_TOUCHES - dt.timedelta(days=1)).int
    async with services.database.connection(brand.id) as tx:
        for number, row in enumerate(await tx.fetch("SELECT id FROM attribution_touch")):
            old = uuid.UUID(int=long_ago + number)
            await tx.execute("UPDATE attribution_touch SET id = $1 WHERE id = $2", old, row["id"])
    await touch(services, link, visitor=b"o" * 32)

    await links.forget_old(services.database)
    await links.forget_old(services.database)

    assert await count(services, brand, "attribution_touch") == 1
    assert (await numbers(services, link)).opens == 2


async def test_a_target_is_what_its_maker_says(services: Services, brand: BrandView) -> None:
    """HQ may share too: its links bring nobody a credit."""
    link = await make_link(services, brand, None)
    await touch(services, link, visitor=BROWSER)
    credit = await decided(services, brand, visitor=BROWSER)
    assert (credit.rule, credit.shop_id, links.target_of(link)) == (CreditRule.HQ, None, target())


async def test_ids_tell_when_they_were_made() -> None:
    before, made, after = clock.now(), new_id(), clock.now() + dt.timedelta(milliseconds=1)
    assert before - dt.timedelta(milliseconds=1) <= moment_of(made) <= after
    assert first_id_at(before) <= made < first_id_at(after + dt.timedelta(seconds=1))


async def test_the_same_browser_on_the_same_link_comes_once_in_half_a_minute(
    services: Services, brand: BrandView
) -> None:
    shop = await make_shop(services, brand)
    link, other = [await make_link(services, brand, shop.id, target_id=new_id()) for _ in range(2)]
    now = clock.now()

    at_once = await asyncio.gather(*(touch(services, link, visitor=BROWSER, at=now) for _ in range(6)))
    assert len([kept for kept in at_once if kept is not None]) == 1
    later = [now + dt.timedelta(seconds=seconds) for seconds in (29, 31, 45, 62)]
    assert [await touch(services, link, visitor=BROWSER, at=at) is not None for at in later] == [
        False,
        True,
        False,
        True,
    ]
    assert await touch(services, other, visitor=BROWSER, at=now) is not None
    assert await touch(services, link, visitor=b"o" * 32, at=now) is not None
    assert await touch(services, link, visitor=BROWSER, at=now, kind=TouchKind.JOIN) is not None
