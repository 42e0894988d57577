"""Rollups, facts and an accountant with a pencil come to the same numbers, whatever happens in whatever order."""

import asyncio
import datetime as dt
import random
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import factories
from tests.reports.makers import NOON, Books, Refund, Story, tell
from tests.stores.makers import make_shop, shop_fields
from yundian.brands.types import BrandView
from yundian.platform.core.ids import new_id
from yundian.platform.db.services import Services
from yundian.platform.outbox.declare import Delivered
from yundian.reports import handlers
from yundian.reports.repository import buyers
from yundian.reports.service import checking, reading
from yundian.reports.types import Basis, By, SalesQuery

pytestmark = pytest.mark.anyio

EXAMPLES = 40
FIRST, LAST = dt.date(2026, 2, 1), dt.date(2026, 5, 31)
ZONES = ("Asia/Shanghai", "America/Los_Angeles")
# Before, in, across and after what is sold.
RANGES = [
    (FIRST, LAST),
    *((dt.date(2026, month, day), dt.date(2026, month, day + length)) for month in (3, 4) for day in (1, 9, 12)
      for length in (0, 5)),
]  # fmt: skip
CHANNELS, CURRENCIES = ("groupbuy", "pos:1"), ("CNY", "GBP")


class World:
    """A brand with a shop in China and one in California, and the brand's books so far."""

    def __init__(self, brand: BrandView, shops: list[uuid.UUID]) -> None:
        self.brand, self.shops = brand, shops
        self.books = Books(zones={None: ZONES[0], **dict(zip(shops, ZONES, strict=True))})
        self.campaigns = [new_id(), None]
        self.members = [new_id() for _ in range(4)]


@pytest.fixture(scope="module")
async def world(services: Services) -> World:
    brand = await factories.make_brand(services.settings)
    shops = [
        (await make_shop(services, brand, fields=shop_fields(f"Z-{n}", time_zone=zone))).id
        for n, zone in enumerate(ZONES)
    ]
    return World(brand, shops)


amounts = st.integers(0, 50_000)


@st.composite
def refunds(draw: st.DrawFn, *, lines: tuple[int, ...], released_after_h: int | None) -> Refund:
    """Part of what was paid; before the order was released, or after."""
    after_h = draw(st.integers(0, 24 * 40))
    may_be_released = released_after_h is not None and released_after_h <= after_h
    return Refund(
        lines=tuple(draw(st.integers(0, amount // 3)) for amount in lines),
        after_h=after_h,
        was_released=may_be_released and draw(st.booleans()),
    )


@st.composite
def stories(draw: st.DrawFn) -> tuple[Story, int, int, int]:
    """An order; shop, campaign and member are numbers, since each run has its own."""
    lines = tuple(draw(st.lists(amounts, min_size=1, max_size=3)))
    released = draw(st.one_of(st.none(), st.integers(0, 72)))
    story = Story(
        paid_at=NOON + dt.timedelta(minutes=draw(st.integers(-20 * 1440, 30 * 1440))),
        channel=draw(st.sampled_from(CHANNELS)),
        currency=draw(st.sampled_from(CURRENCIES)),
        lines=lines,
        shipping_minor=draw(st.sampled_from([0, 0, 1200])),
        released_after_h=released,
        refunds=tuple(draw(st.lists(refunds(lines=lines, released_after_h=released), max_size=3))),
    )
    return story, draw(st.integers(0, 2)), draw(st.integers(0, 1)), draw(st.integers(0, 4))


@settings(max_examples=EXAMPLES)
@given(drawn=st.lists(stories(), min_size=1, max_size=8), seed=st.integers(0, 10**6))
async def test_any_events_in_any_order_come_to_what_an_accountant_makes_of_them(
    services: Services, world: World, drawn: list[tuple[Story, int, int, int]], seed: int
) -> None:
    told = [_placed(world, one) for one in drawn]
    for story in told:
        world.books.add(story)
    events = [event for story in told for event in story.events()]
    chance = random.Random(seed)
    events += chance.sample(events, k=len(events) // 2)
    chance.shuffle(events)
    while events:
        size = chance.randint(1, 6)
        await tell(services, world.brand.id, events[:size])
        events = events[size:]

    async with services.database.connection(world.brand.id) as tx:
        assert await checking.check(tx) == []
    await _equal_by_hand(services, world)


async def test_writers_at_once_lose_nothing_and_count_nothing_twice(services: Services, world: World) -> None:
    """Every event in a batch of its own, all at the same time, each twice; the sums meet in the same rows."""
    told = [
        Story(
            paid_at=NOON + dt.timedelta(hours=n % 3),
            shop_id=world.shops[0],
            campaign_id=world.campaigns[0],
            member_id=world.members[n % 2],
            lines=(10_00,),
            refunds=(Refund(lines=(1_00,), after_h=0, was_released=False),),
        )
        for n in range(6)
    ]
    for story in told:
        world.books.add(story)
    events = [event for story in told for event in story.events()] * 2
    random.Random(3).shuffle(events)
    await asyncio.gather(*(tell(services, world.brand.id, [event]) for event in events))

    async with services.database.connection(world.brand.id) as tx:
        assert await checking.check(tx) == []
    await _equal_by_hand(services, world)


async def test_a_refund_waits_for_the_sale_that_is_being_written(services: Services, world: World) -> None:
    """Else each would miss the other: the sale sees no refund yet, the refund no sale yet."""
    refund = Refund(lines=(1_00,), after_h=0, was_released=False)
    story = Story(shop_id=world.shops[0], lines=(10_00,), refunds=(refund,))
    world.books.add(story)
    paid, released, refunded = story.events()
    await tell(services, world.brand.id, [paid])
    async with services.database.connection(world.brand.id) as tx:
        await handlers.book_sales.handle(tx, [Delivered(new_id(), released)])
        waiting = asyncio.create_task(tell(services, world.brand.id, [refunded]))
        done, _ = await asyncio.wait({waiting}, timeout=0.3)
        assert done == set()
    await waiting

    async with services.database.connection(world.brand.id) as tx:
        assert await checking.check(tx) == []
    await _equal_by_hand(services, world)


def _placed(world: World, drawn: tuple[Story, int, int, int]) -> Story:
    story, shop, campaign, member = drawn
    return Story(
        paid_at=story.paid_at,
        channel=story.channel,
        currency=story.currency,
        lines=story.lines,
        shipping_minor=story.shipping_minor,
        released_after_h=story.released_after_h,
        # Examples are tried again: their documents must not be known already.
        refunds=tuple(
            Refund(lines=one.lines, after_h=one.after_h, was_released=one.was_released) for one in story.refunds
        ),
        shop_id=[*world.shops, None][shop],
        campaign_id=world.campaigns[campaign],
        member_id=[*world.members, None][member],
    )


async def _equal_by_hand(services: Services, world: World) -> None:
    """Every view of both bases against the books, to the fen."""
    books = world.books
    async with services.database.unit_of_work(world.brand.id) as session:
        for basis in Basis:
            for place, by in enumerate((By.DAY, By.CHANNEL, By.SHOP, By.CAMPAIGN), start=1):
                found = await reading.sales(session, wanted=SalesQuery(by=by, basis=basis, first=FIRST, last=LAST))
                shown = {
                    (row.key, row.figures.currency): (
                        row.figures.orders, row.figures.buyers, row.figures.gross_minor, row.figures.refunds,
                        row.figures.refunds_minor,
                    )
                    for row in found.rows
                    if row.figures.orders or row.figures.refunds
                }  # fmt: skip
                assert shown == _by_hand(books, basis.value, place)
            for first, last in RANGES:
                for currency in CURRENCIES:
                    found_by_member = await buyers.count(
                        session, basis=basis, currency=currency, first=first, last=last
                    )
                    assert found_by_member == len(_buyers_by_hand(books, basis.value, currency, first, last))


def _buyers_by_hand(books: Books, basis: str, currency: str, first: dt.date, last: dt.date) -> set[uuid.UUID]:
    """Whoever bought in a range, whatever she bought before and after it."""
    kept = [
        one for one in list(books.people) if one[0] == basis and first <= one[1] <= last and one[5] == currency
    ]
    return {member for key in kept for member in books.people[key]}


def _by_hand(books: Books, basis: str, place: int) -> dict[tuple[str, str], tuple[int, int, int, int, int]]:
    """The books, summed up by one part of their key."""
    sums: dict[tuple[str, str], list[int]] = {}
    people: dict[tuple[str, str], set[uuid.UUID]] = {}
    for key in list(books.sums):
        if key[0] != basis:
            continue
        shown = (str(key[place]), key[5])
        orders, _, gross, refunds, refunded = books.row(key)
        held = sums.setdefault(shown, [0, 0, 0, 0])
        for at, value in enumerate((orders, gross, refunds, refunded)):
            held[at] += value
        people.setdefault(shown, set()).update(books.people[key])
    return {
        shown: (held[0], len(people[shown]), held[1], held[2], held[3])
        for shown, held in sums.items()
        if held[0] or held[2]
    }
