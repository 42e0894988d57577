"""A member's timeline and totals: told twice, late or the wrong way round, they come to the same."""

import datetime as dt
import random
import re
from typing import Any

import httpx
import pytest

from tests import people
from tests.catalog.makers import make_product, product_fields, sku_fields
from tests.courier_kit import Courier, FakeQueue
from tests.helpers import submit
from tests.members.makers import make_customer
from tests.reports.makers import NOON, Refund, Story
from tests.stores.makers import make_shop, shop_fields
from yundian.app.rooms import rooms
from yundian.brands.types import BrandView
from yundian.members import api, handlers
from yundian.members.events import MemberJoined
from yundian.members.service import joining, profiles, timeline
from yundian.members.types import Happening, IdentityKind, JoinedVia, Known, TimelineKind
from yundian.orders.events import OrderCancelled, OrderClosed, OrderCollected, OrderPlaced
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Role
from yundian.platform.db.database import RELAY_ROLE, open_pool
from yundian.platform.db.services import Services
from yundian.platform.outbox import outbox
from yundian.platform.outbox.declare import Delivered, Event
from yundian.platform.outbox.registry import Registry

pytestmark = pytest.mark.anyio

HTML = {"Accept": "text/html"}


async def tell(services: Services, brand: BrandView, events: list[Event]) -> None:
    """One batch for each subscriber."""
    async with services.database.connection(brand.id) as tx:
        for subscriber in handlers.SUBSCRIBERS:
            wanted: list[Delivered[Any]] = [Delivered(new_id(), e) for e in events if type(e) is subscriber.event]
            if wanted:
                await subscriber.handle(tx, wanted)


def whole_life(story: Story, shop_id: Any) -> list[Event]:
    collected = OrderCollected(order=story.facts, collected_at=story.after(48), shop_id=shop_id, staff_id=new_id())
    return [OrderPlaced(order=story.facts), *story.events(), collected]


async def test_totals_are_what_the_timeline_says_however_it_was_told(
    services: Services, brand: BrandView, client: httpx.AsyncClient
) -> None:
    shop = await make_shop(services, brand, fields=shop_fields(name="静安店"))
    customer, other = await make_customer(services, brand), await make_customer(services, brand)
    refund = Refund(lines=(3_00,), after_h=30, was_released=True)
    stories = [
        Story(member_id=customer.id, shop_id=shop.id, lines=(10_00,), refunds=(refund,), number="A1"),
        Story(member_id=customer.id, channel="pos:7", lines=(5_00, 2_00), paid_at=NOON - dt.timedelta(days=3)),
        Story(member_id=customer.id, currency="GBP", lines=(7_00,), released_after_h=None),
        Story(member_id=other.id, lines=(99_00,)),
        Story(member_id=None, lines=(50_00,)),
        # Of a member that is gone: no subscriber trips over her.
        Story(member_id=new_id(), lines=(50_00,)),
    ]
    events = [event for story in stories for event in whole_life(story, shop.id)]
    events += [
        OrderCancelled(order=stories[2].facts, reason="group_failed", cancelled_at=NOON),
        OrderClosed(order=stories[1].facts, reason="timeout", closed_at=NOON),
    ]
    events += events[::2]
    chance = random.Random(7)
    chance.shuffle(events)
    await tell(services, brand, [MemberJoined(member_id=customer.id, via="phone")])
    while events:
        await tell(services, brand, events[:4])
        events = events[4:]

    async with services.database.connection(brand.id) as tx:
        yuan, pounds = sorted(await timeline.totals_of(tx, member_id=customer.id), key=lambda one: one.currency)
        profile = await profiles.profile(tx, keyring=services.keyring, member_id=customer.id)
        first = await profiles.timeline(tx, member_id=customer.id, cursor=None, limit=5)
        of_till = await profiles.timeline(tx, member_id=customer.id, channel="pos:7", cursor=None, limit=50)
        rest = await profiles.timeline(tx, member_id=customer.id, cursor=first.next_cursor, limit=50)
    shown = [*first.items, *rest.items]
    assert (yuan.orders, yuan.sales, yuan.paid_minor, yuan.refunds, yuan.refunded_minor, yuan.net_minor) == (
        2, 2, 17_00, 1, 3_00, 14_00,
    )  # fmt: skip
    assert (yuan.first_at, yuan.last_at) == (NOON - dt.timedelta(days=3), NOON)
    assert (pounds.orders, pounds.sales, pounds.net_minor) == (1, 0, 7_00)
    assert [one.channel for one in profile.by_channel] == ["groupbuy", "pos:7", "groupbuy"]
    assert [one.at for one in shown] == sorted((one.at for one in shown), reverse=True)
    assert len(shown) == len({(one.kind, one.ref_id) for one in shown}) == 15
    refunded = next(one for one in shown if one.kind is TimelineKind.REFUNDED)
    assert (refunded.number, refunded.amount_minor, refunded.shop_id) == ("A1", 3_00, shop.id)

    admin = await people.sign_in_as(services, brand.id, Role.HQ_ANALYST)
    page = await client.get(f"/hq/members/{customer.id}", headers={**admin.headers, **HTML})
    assert page.status_code == 200
    assert "静安店" in page.text
    assert "¥14.00" in page.text
    filtered = await client.get(f"/hq/members/{customer.id}?channel=pos:7", headers={**admin.headers, **HTML})
    assert "A1" in page.text
    assert "A1" not in filtered.text
    assert "¥14.00" in filtered.text
    assert [len(one.items) for one in (first, of_till)] == [5, 5]
    assert profile.totals[0].average_minor == 8_50
    own = await client.get(f"/m/{brand.code}/me", headers={**customer.headers, **HTML})
    assert "¥14.00" in own.text
    assert f'href="/m/{brand.code}/orders"' in own.text


async def test_hq_finds_a_member_by_whole_numbers_and_by_the_beginning_of_her_name(
    services: Services, brand: BrandView, other_brand: BrandView, client: httpx.AsyncClient
) -> None:
    customer, stranger = await make_customer(services, brand), await make_customer(services, other_brand)
    async with services.database.connection(brand.id) as tx:
        await joining.bind_phone(tx, keyring=services.keyring, member_id=customer.id, phone="13800138000")
        await joining.name_member(tx, member_id=customer.id, nickname="小美 <b>", picture_url="")
    async with services.database.connection(other_brand.id) as tx:
        await joining.bind_phone(tx, keyring=services.keyring, member_id=stranger.id, phone="13800138000")
    await tell(services, brand, Story(member_id=customer.id, number="260310ABCD").events())
    admin = await people.sign_in_as(services, brand.id, Role.HQ_ADMIN)

    async def found(search: str) -> bool:
        answer = await submit(client, "/hq/members/find", {"q": search}, **admin.headers)
        assert answer.status_code == 303
        # Phones stay out of addresses.
        assert "138" not in answer.headers["location"].partition("?")[2]
        page = await client.get(answer.headers["location"], headers={**admin.headers, **HTML})
        assert page.status_code == 200
        assert str(stranger.id) not in page.text
        assert "13800138000" not in page.text
        assert "小美 <b>" not in page.text
        is_profile = answer.headers["location"] == f"/hq/members/{customer.id}"
        return is_profile or (f"/hq/members/{customer.id}" in page.text and "?" in answer.headers["location"])

    buyer = (Known(IdentityKind.CARD, "8800 1234 5678", "till7"), Known(IdentityKind.MEMBER_NO, "17850", "uci"))
    async with services.database.connection(brand.id) as tx:
        recognised = await api.recognise_buyers(tx, keyring=services.keyring, buyers=[buyer])
        cousin = await api.recognise(
            tx, keyring=services.keyring, wanted=[Known(IdentityKind.MARKETPLACE, "17850", "tmall")]
        )

    assert await found("13800138000")
    assert await found("+86 138 0013 8000")
    assert await found("260310abcd")
    assert await found("小")
    assert not await found("13800138001")
    assert not await found("260310ABC")
    assert not await found("美")
    assert not await found("小美%")
    # Whoever has the number, in whatever system; and no number is in an address.
    card = await submit(client, "/hq/members/find", {"q": "8800 1234 5678"}, **admin.headers)
    assert card.headers["location"] == f"/hq/members/{recognised[buyer]}"
    both = await submit(client, "/hq/members/find", {"q": "17850"}, **admin.headers)
    assert "17850" not in both.headers["location"]
    page = await client.get(both.headers["location"], headers={**admin.headers, **HTML})
    assert all(f"/hq/members/{one}" in page.text for one in (recognised[buyer], *cousin.values()))
    profile = await client.get(f"/hq/members/{recognised[buyer]}", headers={**admin.headers, **HTML})
    assert "****5678" in profile.text
    assert "****50" in profile.text
    assert "17850" not in profile.text
    everybody = await client.get("/hq/members", headers={**admin.headers, **HTML})
    assert f"/hq/members/{customer.id}" in everybody.text


async def test_a_sign_in_and_an_order_reach_the_timeline_through_the_courier_once(
    services: Services, brand: BrandView
) -> None:
    customer = await make_customer(services, brand)
    story = Story(member_id=customer.id)
    async with services.database.connection(brand.id) as tx:
        await outbox.record(tx, *story.events())
        # The same fact, told by another event.
        await outbox.record(tx, *story.events())
    pool = await open_pool(services.settings, role=RELAY_ROLE, size=2)
    found = rooms()
    registry = Registry.of(
        events=[event for room in found for event in room.events],
        subscribers=[one for room in found if room.name in ("members", "reports") for one in room.subscribers],
    )
    courier = Courier(database=services.database, brand=brand.id, queue=FakeQueue(), pool=pool, registry=registry)
    try:
        await courier.relay()
        await courier.work()
        assert set(await courier.states()) == {"done"}
    finally:
        await pool.close()

    async with services.database.connection(brand.id) as tx:
        shown = (await profiles.timeline(tx, member_id=customer.id, cursor=None, limit=10)).items
        (total,) = await timeline.totals_of(tx, member_id=customer.id)
        facts = await tx.fetchval("SELECT count(*) FROM reports_fact")
    assert sorted(one.kind.value for one in shown) == ["joined", "paid", "released"]
    assert next(one for one in shown if one.kind is TimelineKind.JOINED).facts == {
        "via": JoinedVia.MINI_PROGRAM.value
    }
    assert (total.orders, total.paid_minor, facts) == (1, 10_00, 2)


async def test_what_she_bought_and_booked_is_read_in_english_while_it_is_still_called_so(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    customer = await make_customer(services, brand)
    sku = sku_fields(shade_name="枫叶红", shade_name_en="Maple")
    await make_product(services, brand, fields=product_fields(name="唇釉", name_en="Lip gloss"), skus=(sku,))
    written: list[dict[str, str | int]] = [
        {"name": "唇釉"},
        {"name": "唇釉 枫叶红", "pieces": 2},
        {"name": "试妆 · 林老师", "name_en": "Trial · Ms Lin"},
        {"name": "从前的唇釉"},
    ]
    happenings = [
        Happening(
            member_id=customer.id, kind=TimelineKind.TRIED, ref_type="test", ref_id=new_id(), at=NOON, facts=facts
        )
        for facts in written
    ]
    async with services.database.connection(brand.id) as tx:
        await timeline.keep(tx, happenings=happenings)
    admin = await people.sign_in_as(services, brand.id, Role.HQ_ANALYST)

    english, chinese = [
        (await client.get(f"/hq/members/{customer.id}?lang={lang}", headers={**admin.headers, **HTML})).text
        for lang in ("en", "zh_CN")
    ]

    told = re.findall(r"· ([^·<]*(?: · Ms Lin)?)</span>", english)
    assert sorted(told) == ["Lip gloss", "Lip gloss Maple × 2", "Trial · Ms Lin", "从前的唇釉"]
    assert all(str(facts["name"]) in chinese for facts in written)
    assert "Lip gloss" not in chinese
