"""Whatever order, batches and repetitions documents come in: the same orders, refunds, profiles and numbers."""

import datetime as dt
import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests import factories
from tests.channels.makers import AT, by, card, document, line, make_channel, phone, refund, state_of, take
from tests.stores.makers import make_shop, shop_fields
from yundian.brands.types import BrandView
from yundian.channels.types import Buyer, OrderDocument
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

PEOPLE = [phone("13800138000"), phone("13900139000"), card("C-1"), card("C-2")]
HOUR = dt.timedelta(hours=1)


@st.composite
def buyers(draw: st.DrawFn) -> Buyer:
    """Nobody, one who is proven, one or two who are not, or a masked one."""
    kind = draw(st.sampled_from(("nobody", "proven", "claimed", "claimed twice", "masked")))
    who = draw(st.sampled_from(PEOPLE))
    other = draw(st.sampled_from(PEOPLE))
    claims = [phone(one.value, verified=False) if one.type == "phone" else card(one.value, verified=False)
              for one in (who, other)]  # fmt: skip
    return {
        "nobody": by(),
        "proven": by(who),
        "claimed": by(claims[0]),
        "claimed twice": by(*claims),
        "masked": by(phone("138****8000")),
    }[kind]


lines = st.lists(
    st.builds(
        line,
        st.integers(min_value=-500, max_value=2000),
        st.integers(min_value=-2, max_value=5),
        sku=st.sampled_from(("S1", "S2", "")),
        line_id=st.sampled_from(("", "L1")),
    ),
    max_size=3,
)
refunds = st.lists(st.sampled_from(("R1", "R2", "r-1")), max_size=2, unique=True)


@st.composite
def versions(draw: st.DrawFn, shop: str, external_id: str) -> list[OrderDocument]:
    """What one number says over time, each version with a number or a time of its own."""
    found = []
    for version in range(draw(st.integers(min_value=1, max_value=3))):
        is_refund = external_id.startswith("r")
        usual, unusual = ("refund", "sale") if is_refund else ("sale", "refund")
        kind = draw(st.sampled_from((usual,) * 6 + ("ignored", "adjustment", unusual)))
        own_lines = tuple(draw(lines))
        changes: dict[str, Any] = {
            "kind": kind,
            "state": draw(st.sampled_from(("unpaid", "paid", "completed", "completed", "closed", "cancelled"))),
            "shop_code": shop,
            "version": version,
            "placed_at": AT + draw(st.integers(min_value=0, max_value=60)) * HOUR,
            "total_minor": draw(st.integers(min_value=0 if kind == "refund" else -900, max_value=9000)),
            "discount_minor": draw(st.sampled_from((0, 100))),
            "currency": draw(st.sampled_from(("CNY", "CNY", "CNY", "GBP"))),
            "country": draw(st.sampled_from(("", "GB"))),
            "lines": own_lines,
            "buyer": draw(buyers()),
        }
        if kind == "sale":
            changes["refunds"] = tuple(refund(one, 100 + 7 * version) for one in draw(refunds))
        if kind == "refund":
            changes["refund_of"] = draw(st.sampled_from(("o-1", "o-2", "never", ""))) if is_refund else ""
        found.append(document(external_id, **changes))
    return found


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[OrderDocument], list[list[OrderDocument]]]:
    """Documents, and one way they come: shuffled, some twice, in batches."""
    keys = [(shop, number) for shop in ("", "A-1") for number in ("o-1", "o-2", "r-1")]
    chosen = draw(st.lists(st.sampled_from(keys), min_size=2, max_size=5, unique=True))
    documents = [one for shop, number in chosen for one in draw(versions(shop, number))]
    again = draw(st.lists(st.sampled_from(documents), max_size=3))
    arriving = draw(st.permutations([*documents, *again]))
    cuts = sorted(draw(st.sets(st.integers(min_value=1, max_value=len(arriving)), max_size=4)))
    ends = [0, *cuts, len(arriving)]
    return documents, [list(arriving[a:b]) for a, b in itertools.pairwise(ends) if a < b]


async def come(services: Services, batches: Sequence[Sequence[OrderDocument]]) -> tuple[BrandView, Any]:
    brand = await factories.make_brand(services.settings)
    await make_channel(services, brand)
    await make_shop(services, brand, fields=shop_fields(code="A-1"))
    for batch in batches:
        await take(services, brand, *batch)
    return brand, await state_of(services, brand)


async def check(services: Services, world: tuple[list[OrderDocument], list[list[OrderDocument]]]) -> None:
    documents, arriving = world
    _, one_batch = await come(services, [documents])
    _, one_by_one = await come(services, [[one] for one in documents])
    _, as_they_came = await come(services, arriving)
    assert one_by_one == one_batch
    assert as_they_came == one_batch


# Not made smaller when it fails: that takes minutes, and `make soak` does it.
@settings(
    max_examples=7,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(worlds())
async def test_any_order_repetition_and_batching_ends_in_the_same_state(services: Services, world: Any) -> None:
    await check(services, world)


@pytest.mark.soak
@pytest.mark.timeout(900)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(worlds())
async def test_many_orders_repetitions_and_batchings_end_in_the_same_state(services: Services, world: Any) -> None:
    await check(services, world)
