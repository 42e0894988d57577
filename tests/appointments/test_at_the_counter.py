"""What a shop is told of a code that it cannot use, and how it serves who walks in."""

import datetime as dt

import httpx
import pytest

from appointments.service import life, moving
from appointments.service.moving import NewTime
from appointments.states import BookingState, Source
from appointments.types import Actor
from stores.service import shops as shop_service
from stores.types import ShopEdit
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.appointments.test_booking import tomorrow
from tests.helpers import submit
from tests.members.makers import make_customer
from tests.people import sign_in_as
from yundian.brands.types import BrandView
from yundian.members.service import joining
from yundian.members.types import IdentityKind, JoinedVia, Known
from yundian.platform.core import clock
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio
CHECK_IN, WALK_IN = "/shop/appointments/check-in", "/shop/appointments/walk-in"


async def all_day(services: Services, brand: BrandView, **fields: object) -> Salon:
    """A shop where somebody serves at whatever hour a test runs."""
    salon = await make_salon(services, brand, people=2, chairs=2, fields=service_fields(step_min=5, **fields))
    await salon.rows("UPDATE appointments_plan_span SET starts = 0, ends = 1440 WHERE brand_id = $1")
    return salon


def soon() -> dt.datetime:
    at = clock.now() + dt.timedelta(minutes=60)
    return at - dt.timedelta(seconds=at.timestamp() % 300)


async def test_a_code_that_cannot_be_used_says_why_and_what_to_do(
    client: httpx.AsyncClient, services: Services, brand: BrandView, other_brand: BrandView
) -> None:
    salon, far = await all_day(services, brand), await make_salon(services, brand)
    foreign = await make_salon(services, other_brand)
    async with services.database.unit_of_work(brand.id) as session:
        shop = await shop_service.see_shop(session, brand_id=brand.id, shop_id=far.shop_id, visible=None)
        edit = ShopEdit(name_en="Daiting Bund")
        await shop_service.update_shop(
            session, brand_id=brand.id, shop_id=far.shop_id, version=shop.version, edit=edit
        )
    client.cookies.set("locale", "en")
    clerk = (await sign_in_as(services, brand.id, Role.SHOP_STAFF, shop_id=salon.shop_id)).headers
    used, ended, moved = [await salon.book(soon(), source=Source.SHOP) for _ in range(2)] + [
        await salon.book(tomorrow(days=3), source=Source.SHOP)
    ]
    early = await salon.book(tomorrow(days=2), source=Source.SHOP)
    theirs = await far.book(tomorrow(days=2), source=Source.SHOP)
    strange = await foreign.book(tomorrow(days=2), source=Source.SHOP)
    async with services.database.connection(brand.id) as tx:
        for booked, step in ((used, life.check_in), (ended, None)):
            one = await life.see(tx, booking_id=booked.booking_id, is_locked=True)
            if step is not None:
                await step(tx, one, actor_id=None, now=clock.now())
            else:
                await life.cancel(tx, one, by=Actor.SHOP, actor_id=None, now=clock.now())
    stands = await moving.reschedule(
        services.database,
        brand_id=brand.id,
        booking_id=moved.booking_id,
        to=NewTime(start=tomorrow(days=4), staff_id=None, by=Actor.SHOP, actor_id=None),
        shops=frozenset({salon.shop_id}),
    )

    async def told(code: str) -> tuple[int, str]:
        answer = await submit(client, CHECK_IN, {"code": code}, **clerk)
        return answer.status_code, answer.text

    for code, status, words in (
        (early.code, 409, "She can be checked in from"),
        (used.code, 409, "This code is used already: she was checked in on"),
        (ended.code, 409, "This appointment was cancelled. Take her as a walk-in"),
        (moved.code, 409, "This appointment was moved to another time"),
        (theirs.code.lower(), 404, "This appointment is at another shop: Daiting Bund."),
        (strange.code, 404, "No appointment has this code."),
        ("ABCDEFGHJK", 404, "No appointment has this code."),
        ("123456789", 404, "Nine digits are the code of an order"),
    ):
        found, text = await told(code)
        assert (found, words in text) == (status, True), (words, status, found)
        # Of another shop's appointment nothing but the shop.
        assert (str(theirs.booking_id) in text, str(strange.booking_id) in text) == (False, False)
        assert (f"/shop/appointments/{stands.id}" in text) == (code in (moved.code,))
        assert ("/shop/hand-over#123456789" in text) == (code == "123456789")
    assert "Daiting Bund" not in (await told(strange.code))[1]
    assert (await far.see(theirs.booking_id)).state is BookingState.CONFIRMED

    # A page that is older than what it shows: what it is meanwhile.
    stale = await submit(client, f"/shop/appointments/{ended.booking_id}/arrive", {"x": "y"}, **clerk)
    assert (stale.status_code, "Nothing was changed: meanwhile it is “Cancelled”" in stale.text) == (409, True)
    hasty = await submit(client, f"/shop/appointments/{early.booking_id}/missed", {"x": "y"}, **clerk)
    assert (hasty.status_code, "too early for this" in hasty.text) == (409, False)


async def test_who_walks_in_with_her_number_is_the_customer_who_has_it(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon = await all_day(services, brand)
    known_as = Known(IdentityKind.PHONE, "13900000417")
    async with services.database.connection(brand.id) as tx:
        member_id = await joining.find_or_join(
            tx, keyring=services.keyring, proven=[known_as], via=JoinedVia.PHONE
        )
    clerk = (await sign_in_as(services, brand.id, Role.SHOP_STAFF, shop_id=salon.shop_id)).headers
    body = {"shop_id": str(salon.shop_id), "service_id": str(salon.service.id), "phone": "13900000998"}
    refused = await client.post("/v1/shop-appointments/walk-ins", json=body, headers=clerk)
    assert (refused.status_code, [one["field"] for one in refused.json()["errors"]]) == (400, ["phone"]), (
        refused.text
    )
    client.cookies.set("locale", "en")
    asked = {"shop": str(salon.shop_id), "service": str(salon.service.id)}

    unknown = await submit(client, WALK_IN, {**asked, "phone": "13900000999"}, **clerk)
    assert (unknown.status_code, "No customer has this number" in unknown.text) == (400, True)
    assert 'value="13900000999"' in unknown.text
    known = await submit(client, WALK_IN, {**asked, "phone": "139 0000 0417"}, **clerk)
    assert known.status_code == 303
    one = await salon.see(known.headers["location"].rpartition("/")[2])  # type: ignore[arg-type]
    assert (one.member_id, one.state, one.source) == (member_id, BookingState.ARRIVED, Source.WALK_IN)
    # She is here already: a second walk-in is not hers, and says what to do.
    twice = await submit(client, WALK_IN, {**asked, "phone": "13900000417"}, **clerk)
    assert (twice.status_code, "check her in by its code" in twice.text) == (409, True)
    nobody = await submit(client, WALK_IN, {**asked, "phone": " "}, **clerk)
    assert (await salon.see(nobody.headers["location"].rpartition("/")[2])).member_id is None  # type: ignore[arg-type]


async def test_what_waits_for_the_shop_s_word_is_listed_above_its_board(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=2, chairs=2, fields=service_fields(needs_approval=True))
    client.cookies.set("locale", "en")
    clerk = (await sign_in_as(services, brand.id, Role.SHOP_STAFF, shop_id=salon.shop_id)).headers
    asked = await salon.book(tomorrow(days=2), member_id=(await make_customer(services, brand)).id)
    by_shop = await salon.book(tomorrow(days=2, hour=14), source=Source.SHOP)
    day = (await salon.see(asked.booking_id)).local_day

    board = (await client.get(f"/shop/appointments?day={day}", headers={"Accept": "text/html", **clerk})).text
    before = board[: board.index("data-board-grid")]
    assert [f"/shop/appointments/{one.booking_id}" in before for one in (asked, by_shop)] == [True, False]
    assert "1 wait for your word." in before
    sheet = await client.get(f"/shop/appointments/{by_shop.booking_id}", headers={"Accept": "text/html", **clerk})
    assert ("Not known by name" in sheet.text, "Walk-in" in sheet.text) == (True, False)
