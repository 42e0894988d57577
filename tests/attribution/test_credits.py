"""Credits in the database: decided in one read, written once, ended once, moved with audit."""

import asyncio
import datetime as dt
import uuid
from typing import Any

import msgspec
import pytest

from stores.errors import ShopUnknown
from stores.states import ShopStatus
from tests.attribution.makers import credited, decided, make_link, touch
from tests.catalog.makers import events_of
from tests.members.makers import make_customer
from tests.stores.makers import make_shop, shop_fields
from yundian.attribution import api
from yundian.attribution.errors import CreditMoved, CreditNotTransferable, CreditUnknown
from yundian.attribution.service import links as links_service
from yundian.attribution.states import CreditState
from yundian.attribution.types import (
    AgentClass,
    Credit,
    CreditRule,
    CreditView,
    GroupOwner,
    Mark,
    Subject,
    Verdict,
)
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.core.errors import InvalidInput
from yundian.platform.core.ids import new_id
from yundian.platform.core.money import Money
from yundian.platform.core.words import Words
from yundian.platform.db.counting import counted
from yundian.platform.db.cte import Cte
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

BROWSER, OTHER_BROWSER = b"b" * 32, b"o" * 32


async def credit_of(services: Services, brand: BrandView, subject: Subject) -> CreditView:
    async with services.database.connection(brand.id) as tx:
        return await api.get_credit(tx, subject=subject)


async def move(
    services: Services,
    brand: BrandView,
    subject: Subject,
    source: uuid.UUID | None,
    to: uuid.UUID | None,
    **more: Any,
) -> CreditView:
    async with services.database.unit_of_work(brand.id) as session:
        return await api.transfer(
            session,
            subject=subject,
            from_shop_id=source,
            to_shop_id=to,
            reason=more.get("reason", "聊天记录证明是淮海路店带来的"),
            actor_id=more.get("actor_id"),
            actor_name="Zhang",
        )


async def test_a_buyers_touches_of_browser_and_account_are_read_in_one_statement(
    services: Services, brand: BrandView, other_brand: BrandView
) -> None:
    first, second = [await make_shop(services, brand, fields=shop_fields(code)) for code in ("A", "B")]
    shut = await make_shop(services, brand, fields=shop_fields("C"), status=ShopStatus.CLOSED)
    foreign = await make_shop(services, other_brand)
    me, stranger = await make_customer(services, brand), await make_customer(services, brand)
    now = clock.now()
    ours, theirs, closed = [await make_link(services, brand, shop.id) for shop in (first, second, shut)]
    abroad = await make_link(services, other_brand, foreign.id)
    # On my phone, signed in; then in this browser, before I signed in. What a stranger did in it is hers.
    await touch(services, theirs, member_id=me.id, at=now - dt.timedelta(hours=4))
    await touch(services, ours, visitor=BROWSER, at=now - dt.timedelta(hours=3))
    await touch(services, theirs, visitor=BROWSER, member_id=stranger.id, at=now - dt.timedelta(hours=2))
    await touch(services, theirs, visitor=OTHER_BROWSER, at=now - dt.timedelta(hours=2))
    await touch(services, theirs, visitor=BROWSER, agent=AgentClass.BOT, at=now - dt.timedelta(hours=1))
    await touch(services, theirs, visitor=BROWSER, at=now + dt.timedelta(hours=1))
    await touch(services, closed, visitor=BROWSER, at=now - dt.timedelta(minutes=30))
    await touch(services, abroad, visitor=BROWSER, at=now)

    with counted() as statements:
        credit = await decided(services, brand, member_id=me.id, visitor=BROWSER, at=now)

    assert len(statements) == 1
    assert (credit.rule, credit.shop_id, credit.assist_link_id) == (CreditRule.LINK, first.id, theirs.id)
    assert set(credit.marks) == {Mark.TWO_SHOPS, Mark.CLOSED_SHOP}
    found = [(each.shop_id, each.verdict) for each in credit.evidence.touches]
    assert found == [(shut.id, Verdict.SHOP_CLOSED), (first.id, Verdict.WON), (second.id, Verdict.ASSIST)]
    # With neither browser nor account only the place is left, closed shops excepted.
    assert (await decided(services, brand, fulfil_shop_id=second.id)).shop_id == second.id
    assert (await decided(services, brand, fulfil_shop_id=shut.id)).rule is CreditRule.HQ
    # Once the browser is bound, the other phone knows what it did.
    async with services.database.connection(brand.id) as tx:
        assert await api.bind_visitor(tx, visitor=BROWSER, member_id=me.id) == 3
        assert await api.bind_visitor(tx, visitor=BROWSER, member_id=me.id) == 0
    assert (await decided(services, brand, member_id=me.id, at=now)).shop_id == first.id


async def test_a_web_machine_whose_clock_is_wrong_takes_no_order_from_the_shop_whose_link_brought_it(
    services: Services, brand: BrandView, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast, slow = [await make_shop(services, brand, fields=shop_fields(code)) for code in ("A", "B")]
    links = {shop.id: await make_link(services, brand, shop.id) for shop in (fast, slow)}

    for shop, skew_s, visitor in ((fast, 300, BROWSER), (slow, -300, OTHER_BROWSER)):
        await touch(services, links[fast.id], visitor=OTHER_BROWSER, at=clock.house() - dt.timedelta(seconds=60))
        with monkeypatch.context() as there:
            there.setattr(clock, "_SKEW", dt.timedelta(seconds=skew_s))
            await links_service.open_link(
                services.database,
                brand_id=brand.id,
                token=links[shop.id].token,
                visitor=visitor,
                agent=AgentClass.WECHAT,
            )
        assert (await decided(services, brand, visitor=visitor, at=clock.house())).shop_id == shop.id

    # What a process heard of the house's time is a moment old; what comes later is of no order before it.
    now = clock.house()
    assert (await decided(services, brand, visitor=BROWSER, at=now - dt.timedelta(seconds=3))).shop_id == fast.id
    long_ago = await decided(services, brand, visitor=BROWSER, at=now - dt.timedelta(seconds=60))
    assert long_ago.rule is CreditRule.HQ


async def test_a_credit_is_written_once_however_many_write_it(services: Services, brand: BrandView) -> None:
    shops = [await make_shop(services, brand, fields=shop_fields(code)) for code in ("A", "B")]
    subject = Subject("order", new_id())
    decisions = [await decided(services, brand, group=GroupOwner(shop_id=shops[n % 2].id)) for n in range(8)]

    async def write(credit: Credit) -> bool:
        async with services.database.connection(brand.id) as tx:
            return await api.write_credit(
                tx, credit=credit, subject=subject, amount=Money(9_900, "CNY"), member_id=None
            )

    first = await asyncio.gather(*(write(credit) for credit in decisions))

    assert sorted(first) == [False] * 7 + [True]
    kept = await credit_of(services, brand, subject)
    winner = decisions[first.index(True)]
    assert (kept.shop_id, kept.evidence, kept.decided_at) == (winner.shop_id, winner.evidence, winner.decided_at)


async def test_inside_a_checkout_the_credit_is_a_part_of_its_one_statement(
    services: Services, brand: BrandView
) -> None:
    shop = await make_shop(services, brand)
    link = await make_link(services, brand, shop.id)
    await touch(services, link, visitor=BROWSER)
    credit = await decided(services, brand, visitor=BROWSER, fulfil_shop_id=shop.id)

    async def check_out(subject: Subject, *, is_placed: bool) -> list[Any]:
        cte = Cte()
        cte.part("placed", f"SELECT {cte.value(is_placed)}::boolean AS ok WHERE {cte.value(is_placed)}::boolean")
        api.credit_parts(
            cte,
            brand_id=brand.id,
            credit=credit,
            subject=subject,
            amount=Money(9_900, "CNY"),
            member_id=None,
            given="placed",
        )
        async with services.database.connection(brand.id) as tx:
            return await cte.fetch(tx, "SELECT id FROM credit")

    placed, refused = Subject("order", new_id()), Subject("order", new_id())
    assert len(await check_out(placed, is_placed=True)) == 1
    assert await check_out(placed, is_placed=True) == []
    assert await check_out(refused, is_placed=False) == []

    kept = await credit_of(services, brand, placed)
    assert (kept.shop_id, kept.link_id, kept.state) == (shop.id, link.id, CreditState.PROVISIONAL)
    assert (kept.amount_minor, kept.currency, kept.evidence) == (9_900, "CNY", credit.evidence)
    with pytest.raises(CreditUnknown):
        await credit_of(services, brand, refused)
    # A provisional credit is told to nobody: the order says the same.
    assert "attribution.credited.v1" not in await events_of(services, brand)


async def test_credits_end_once_and_say_so_once(services: Services, brand: BrandView) -> None:
    shop = await make_shop(services, brand)
    credit = await decided(services, brand, fulfil_shop_id=shop.id)
    stands, falls, lapses = [await credited(services, brand, credit) for _ in range(3)]
    unknown = Subject("order", new_id())

    async with services.database.connection(brand.id) as tx:
        assert await api.finalise(tx, [stands, falls, unknown]) == 2
    async with services.database.unit_of_work(brand.id) as session:
        assert await api.finalise(session, [stands, falls]) == 0
        assert await api.reverse(session, [falls, lapses, unknown]) == 2
        assert await api.reverse(session, [falls, lapses]) == 0
        # What came to nothing stays so.
        assert await api.finalise(session, [falls, lapses]) == 0

    states = [(await credit_of(services, brand, one)).state for one in (stands, falls, lapses)]
    assert states == [CreditState.FINAL, CreditState.REVERSED, CreditState.REVERSED]
    told = await _told(services, brand)
    assert [(tag, body["subject_id"], body.get("was_final")) for tag, body in told] == [
        ("attribution.credited.v1", str(stands.id), None),
        ("attribution.credited.v1", str(falls.id), None),
        ("attribution.reversed.v1", str(falls.id), True),
        ("attribution.reversed.v1", str(lapses.id), False),
    ]
    assert {body["shop_id"] for _, body in told} == {str(shop.id)}


async def _told(services: Services, brand: BrandView) -> list[tuple[str, dict[str, Any]]]:
    async with services.database.connection(brand.id) as tx:
        rows = await tx.fetch(
            "SELECT tag, payload FROM outbox_event WHERE tag LIKE 'attribution.%'"
            " ORDER BY tag, payload->>'subject_id'"
        )
    return [(row["tag"], msgspec.json.decode(row["payload"])) for row in rows]


async def test_a_transfer_moves_the_credit_with_who_when_and_why_and_back_again(
    services: Services, brand: BrandView, other_brand: BrandView
) -> None:
    shops = [await make_shop(services, brand, fields=shop_fields(code, name=f"{code} 店")) for code in ("A", "B")]
    foreign = await make_shop(services, other_brand)
    (a, b), staff, actor = (shop.id for shop in shops), new_id(), new_id()
    link = await make_link(services, brand, a, staff_id=staff)
    await touch(services, link, visitor=BROWSER)
    subject = await credited(services, brand, await decided(services, brand, visitor=BROWSER))

    moved = await move(services, brand, subject, a, b, actor_id=actor)
    assert (moved.shop_id, moved.staff_id, moved.rule) == (b, None, CreditRule.LINK)
    with pytest.raises(CreditMoved):
        await move(services, brand, subject, a, None)
    with pytest.raises(CreditNotTransferable):
        await move(services, brand, subject, b, b)
    with pytest.raises(ShopUnknown):
        await move(services, brand, subject, b, foreign.id)
    with pytest.raises(CreditUnknown):
        await move(services, other_brand, subject, b, foreign.id)
    with pytest.raises(InvalidInput):
        await move(services, brand, subject, b, a, reason="  ")
    to_hq = await move(services, brand, subject, b, None)
    back = await move(services, brand, subject, None, a)

    # To undo it is another transfer: the sharer has it again.
    assert (to_hq.shop_id, back.shop_id, back.staff_id) == (None, a, staff)
    async with services.database.unit_of_work(brand.id) as session:
        found = await api.explain(session, subject=subject)
    assert [(one.from_shop_id, one.to_shop_id) for one in found.transfers] == [(None, a), (b, None), (a, b)]
    assert (found.transfers[-1].actor_id, found.transfers[-1].actor_name) == (actor, "Zhang")
    assert found.transfers[-1].reason == "聊天记录证明是淮海路店带来的"
    assert found.shop_names == {a: Words("A 店"), b: Words("B 店")}
    assert found.credit.evidence.touches[0].verdict is Verdict.WON
    told = [tag for tag in await events_of(services, brand) if tag.startswith("attribution.")]
    assert told == ["attribution.transferred.v1"] * 3

    async with services.database.unit_of_work(brand.id) as session:
        await api.reverse(session, [subject])
    with pytest.raises(CreditNotTransferable):
        await move(services, brand, subject, a, b)


async def test_of_transfers_at_once_one_moves_it_and_what_is_told_agrees_with_the_row(
    services: Services, brand: BrandView
) -> None:
    shops = [await make_shop(services, brand, fields=shop_fields(code)) for code in ("A", "B", "C")]
    a, b, c = (shop.id for shop in shops)
    subject = await credited(services, brand, await decided(services, brand, group=GroupOwner(shop_id=a)))

    async def finalise() -> None:
        async with services.database.connection(brand.id) as tx:
            await api.finalise(tx, [subject])

    results = await asyncio.gather(
        *(move(services, brand, subject, a, to) for to in (b, c, b, c)), finalise(), return_exceptions=True
    )

    moved = [found for found in results if isinstance(found, CreditView)]
    refused = [found for found in results if isinstance(found, Exception)]
    assert len(moved) == 1
    assert {type(found) for found in refused} == {CreditMoved}
    kept = await credit_of(services, brand, subject)
    assert (kept.shop_id, kept.state) == (moved[0].shop_id, CreditState.FINAL)
    told = dict(await _told(services, brand))
    transferred, final = told["attribution.transferred.v1"], told["attribution.credited.v1"]
    # Whichever came first: a credit that was final when it moved had been told of its first shop.
    expected = a if transferred["state"] == "final" else kept.shop_id
    assert (final["shop_id"], transferred["to_shop_id"]) == (str(expected), str(kept.shop_id))
