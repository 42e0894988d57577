"""Histories of a campaign, made up by Hypothesis: the house does what the model does, and no fen is lost."""

import uuid

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from groupbuy.service import ending
from groupbuy.types import Checkout, ItemFields
from tests import factories
from tests.groupbuy.kit import GROUP_PRICE, Fair, open_fair
from tests.groupbuy.model import Model, Seat
from yundian.payments.types import PaymentStanding
from yundian.platform.core import clock
from yundian.platform.core.errors import DomainError
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

MEMBERS, SIZE, LIMIT, QUOTA = 5, 3, 2, 7
STEP = st.one_of(
    st.tuples(st.just("start"), st.integers(0, MEMBERS - 1), st.just(0)),
    st.tuples(st.just("join"), st.integers(0, MEMBERS - 1), st.integers(0, 3)),
    st.tuples(st.just("join"), st.integers(0, MEMBERS - 1), st.integers(0, 3)),
    st.tuples(st.just("pay"), st.integers(0, 9), st.just(0)),
    st.tuples(st.just("pay"), st.integers(0, 9), st.just(0)),
    st.tuples(st.sampled_from(["expire", "leave", "late"]), st.integers(0, 9), st.just(0)),
    # Providers repeat themselves, and what they said first may come last.
    st.tuples(st.sampled_from(["again", "stale"]), st.integers(0, 9), st.just(0)),
    st.tuples(st.just("deadline"), st.just(0), st.integers(0, 3)),
)


class House:
    """The real thing, driven by the same steps as the model."""

    def __init__(self, fair: Fair) -> None:
        self.fair = fair
        self.model = Model(SIZE, LIMIT, QUOTA)
        self.made: list[Checkout] = []
        self.numbers: list[str] = []
        self.codes: list[str] = []
        self.paid: set[int] = set()

    async def open(self) -> None:
        item = ItemFields(sku_id=self.fair.sku_ids[0], group_price_minor=GROUP_PRICE, quota=QUOTA)
        self.campaign = await self.fair.sell(
            size=SIZE, per_member_limit=LIMIT, late_policy="refund", items=(item,)
        )
        self.members = await self.fair.customers(MEMBERS)

    async def do(self, step: tuple[str, int, int]) -> None:
        name, who, which = step
        if name in ("start", "join"):
            await self._take(name, who, which)
        elif name == "deadline":
            await self._deadline(which)
        elif self.made:
            await self._move(name, who % len(self.made))
        await self.fair.work()
        await self.check()

    async def _take(self, name: str, who: int, which: int) -> None:
        groups = self.model.groups
        if name == "join" and not groups:
            return
        member, at = self.members[who], which % max(1, len(groups))
        expected = self.model.take(member, groups[at] if name == "join" else None)
        made, found = await self._ask(name, at, member)
        assert found == expected
        if made is not None and found == "seat":
            self.made.append(made)
            self.numbers.append(await self.fair.attempt(made))
            if made.group_code not in self.codes:
                self.codes.append(made.group_code)

    async def _ask(self, name: str, at: int, member: uuid.UUID) -> tuple[Checkout | None, str]:
        try:
            if name == "join":
                made = await self.fair.join(self.codes[at], member)
            else:
                made = await self.fair.start(self.campaign, member)
        except DomainError as refused:
            return None, refused.code
        return made, "seat" if made.is_new else "seat again"

    async def _deadline(self, which: int) -> None:
        if not self.codes:
            return
        at = which % len(self.codes)
        self.model.deadline(self.model.groups[at])
        await self.fair.reach_deadline(self.codes[at])
        await self.fair.work()
        await self._close_what_is_closing()
        await self.fair.work()

    async def _move(self, name: str, at: int) -> None:
        seat, made = self.model.seats[at], self.made[at]
        if name == "pay" and seat.state == "reserved":
            self.model.pay(seat)
            await self._say_paid(at)
        elif name == "expire" and seat.state == "reserved":
            self.model.release(seat)
            await self.fair.expire(made)
        elif name == "late" and seat.state == "released":
            self.model.late(seat)
            await self._say_paid(at)
        elif name == "again" and at in self.paid:
            await self._say_paid(at)
        elif name == "stale" and at in self.paid:
            for standing in (PaymentStanding.WAITING, PaymentStanding.CLOSED):
                await self.fair.say(self.numbers[at], made, standing)
        elif name == "leave":
            await self._leave(seat, made)

    async def _say_paid(self, at: int) -> None:
        number = self.numbers[at]
        await self.fair.say(number, self.made[at], PaymentStanding.PAID, ref=f"R{number}")
        self.paid.add(at)

    async def _leave(self, seat: Seat, made: Checkout) -> None:
        expected, found = self.model.leave(seat), ""
        try:
            async with self.fair.services.database.connection(self.fair.brand.id) as tx:
                await ending.leave(tx, seat_id=made.seat_id, member_id=seat.member, now=clock.now())
        except DomainError as refused:
            found = refused.code
        assert found == expected
        await self._close_what_is_closing()

    async def _close_what_is_closing(self) -> None:
        rows = await self.fair.rows("SELECT id FROM payments_payment WHERE brand_id = $1 AND state = 'closing'")
        await self.fair.close_payments([row["id"] for row in rows])

    async def check(self) -> None:
        """Everything is where the model says, and every fen and piece is somewhere."""
        await self.fair.arrive()
        await self.fair.work()
        seats = await self.fair.rows("SELECT id, state FROM groupbuy_seat WHERE brand_id = $1")
        states = {row["id"]: row["state"] for row in seats}
        assert [states[made.seat_id] for made in self.made] == [seat.state for seat in self.model.seats]
        for code, group in zip(self.codes, self.model.groups, strict=True):
            found = await self.fair.group(code)
            assert found["state"] == group.state
            if group.is_joinable:
                expected = (len(group.live()), group.count("paid"), group.leader)
                assert (found["taken"], found["paid"], found["leader_member_id"]) == expected
            assert found["paid"] <= found["taken"] <= found["size"]
        counts = [
            sum(seat.state in states for seat in self.model.seats)
            for states in (("reserved", "paid"), ("confirmed",))
        ]
        assert await self.fair.quota() == (counts[0], counts[1])
        assert await self.fair.stock() == (1000, sum(counts))
        [money] = await self.fair.rows(
            "SELECT (SELECT coalesce(sum(captured_minor), 0)::bigint FROM payments_payment WHERE brand_id = $1)"
            " + (SELECT coalesce(sum(amount_minor), 0)::bigint FROM payments_orphan WHERE brand_id = $1) AS taken,"
            " (SELECT coalesce(sum(amount_minor), 0)::bigint FROM payments_refund WHERE brand_id = $1"
            " AND state = 'succeeded') AS back"
        )
        assert (money["taken"], money["back"]) == (
            self.model.payments * GROUP_PRICE,
            self.model.refunds * GROUP_PRICE,
        )
        with_seat = sum(seat.state in ("paid", "confirmed") for seat in self.model.seats)
        assert money["taken"] - money["back"] == with_seat * GROUP_PRICE


async def run(
    services: Services, pool: "asyncpg.Pool[asyncpg.Record]", history: list[tuple[str, int, int]]
) -> None:
    brand = await factories.make_brand(services.settings)
    house = House(await open_fair(services, brand, pool))
    await house.open()
    for step in history:
        await house.do(step)


_QUIET = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


# Not made smaller when it fails: that takes minutes, and `make soak` does it.
@settings(max_examples=4, suppress_health_check=_QUIET, derandomize=True, phases=(Phase.explicit, Phase.generate))
@given(history=st.lists(STEP, min_size=6, max_size=9))
async def test_the_house_does_what_the_model_does(
    services: Services, relay_pool: "asyncpg.Pool[asyncpg.Record]", history: list[tuple[str, int, int]]
) -> None:
    await run(services, relay_pool, history)


@pytest.mark.soak
@settings(max_examples=150, suppress_health_check=_QUIET)
@given(history=st.lists(STEP, min_size=10, max_size=40))
async def test_the_house_does_what_the_model_does_in_long_histories(
    services: Services, relay_pool: "asyncpg.Pool[asyncpg.Record]", history: list[tuple[str, int, int]]
) -> None:
    await run(services, relay_pool, history)


async def test_a_history_with_every_kind_of_step(
    services: Services, relay_pool: "asyncpg.Pool[asyncpg.Record]"
) -> None:
    history = [
        ("start", 0, 0),
        ("join", 1, 0),
        ("join", 2, 0),
        ("join", 3, 0),
        ("pay", 1, 0),
        ("expire", 2, 0),
        ("join", 3, 0),
        ("late", 2, 0),
        ("leave", 0, 0),
        ("join", 4, 0),
        ("pay", 3, 0),
        ("pay", 4, 0),
        ("leave", 1, 0),
        ("start", 2, 0),
        ("join", 0, 1),
        ("pay", 5, 0),
        ("again", 2, 0),
        ("stale", 5, 0),
        ("deadline", 0, 1),
        ("again", 5, 0),
        ("stale", 2, 0),
        ("start", 1, 0),
    ]
    await run(services, relay_pool, history)
