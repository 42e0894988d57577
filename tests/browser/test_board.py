"""A shop moves appointments on its board: with a thumb, by tap, with keys; what others changed shows by itself."""

import datetime as dt
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Page, expect

from appointments.states import BookingState
from appointments.types import BookingView
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.appointments.test_booking import tomorrow
from tests.browser.test_accessibility import read
from tests.browser.test_shell import complaints, sign_in
from tests.members.makers import make_customer
from tests.people import make_person
from yundian.brands.types import BrandView
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

Yes = Callable[[], Awaitable[None]]


async def now_stands(salon: Salon, member: object) -> BookingView:
    """Her appointment that is live."""
    (row,) = await salon.rows(
        "SELECT id FROM appointments_booking WHERE brand_id = $1 AND member_id = $2 AND state = 'confirmed'",
        member,
    )
    return await salon.see(row["id"])  # type: ignore[arg-type]


async def middle(page: Page, selector: str) -> tuple[float, float]:
    box = await page.locator(selector).first.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + min(box["height"] / 2, 20)


async def test_a_shop_moves_appointments_with_a_thumb_by_tap_and_with_keys(
    phone: Page, desktop: Page, site: str, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=3, chairs=2, fields=service_fields(step_min=15))
    await salon.rows("DELETE FROM appointments_skill WHERE brand_id = $1 AND staff_id = $2", salon.staff[2])
    first, second = [await make_customer(services, brand) for _ in range(2)]
    start = tomorrow(hour=11)
    await salon.book(start, member_id=first.id, staff_id=salon.staff[0])
    await salon.book(start, member_id=second.id, staff_id=salon.staff[1])
    one = await now_stands(salon, first.id)
    owner = await make_person(services, brand.id, Role.SHOP_OWNER, shop_id=salon.shop_id)
    board = f"{site}/shop/appointments?day={one.local_day}"
    await sign_in(phone, site, owner)
    await sign_in(desktop, site, owner)
    for page in (phone, desktop):
        await page.goto(board)
        await expect(page.locator(".board.is-grid [data-card]")).to_have_count(2)
        assert await read(page) == []
    assert await phone.evaluate("document.documentElement.scrollWidth") <= 360

    def card(booking: BookingView) -> str:
        return f"[data-card='{booking.id}']"

    def lane(number: int) -> str:
        return f"[data-lane='{salon.staff[number]}'] [data-lane-day]"

    async def touch(kind: str, x: float = 0, y: float = 0) -> None:
        points = [] if kind == "touchEnd" else [{"x": x, "y": y}]
        await thumb.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    # The desktop has its board from before: nothing new reaches it.
    unheard = "**/shop/appointments/board?*"
    await desktop.route(unheard, lambda route: route.fulfill(status=204))
    # With one thumb: a held card follows it, an hour and a half down; the page stays where it is.
    thumb = await phone.context.new_cdp_session(phone)
    await phone.locator(".board").evaluate("board => board.scrollIntoView({block: 'start'})")
    x, y = await middle(phone, card(one))
    await touch("touchStart", x, y)
    await expect(phone.locator(".board-free").first).to_be_visible()
    for step in range(1, 10):
        await touch("touchMove", x, y + step * 15)
    await expect(phone.locator(".board-ghost")).to_contain_text("12:30")
    await touch("touchEnd")
    await expect(phone.locator(".toast")).to_contain_text("Moved to 12:30")
    # Taken back with the same thumb, and moved once more.
    await phone.get_by_role("button", name="Undo").tap()
    await expect(phone.locator(".toast")).to_contain_text("Taken back")
    assert (await now_stands(salon, first.id)).id == one.id
    x, y = await middle(phone, card(one))
    await touch("touchStart", x, y)
    await expect(phone.locator(".board-free").first).to_be_visible()
    for step in range(1, 10):
        await touch("touchMove", x, y + step * 15)
    await touch("touchEnd")
    await expect(phone.locator(".toast").last).to_contain_text("Moved to 12:30")
    moved = await now_stands(salon, first.id)
    assert (moved.starts_at, moved.staff_id) == (start + dt.timedelta(minutes=90), salon.staff[0])

    # The other device has the old board open: it neither sees nor moves what is not there any more.
    await desktop.locator(card(one)).focus()
    await desktop.keyboard.press("m")
    await expect(desktop.locator(".board-free").first).to_have_count(0)
    await desktop.keyboard.press("ArrowDown")
    await desktop.keyboard.press("Enter")
    await expect(desktop.locator(".toast").last).to_contain_text("Changed by")
    await expect(desktop.locator(card(moved))).to_be_visible()
    assert (await now_stands(salon, first.id)).id == moved.id
    await desktop.unroute(unheard)

    # By tap, to whoever is free at that time; onto somebody who does not perform it, nothing happens.
    await phone.get_by_role("button", name="Move by tap").click()
    await phone.locator(card(moved)).tap()
    await expect(phone.locator(f"{lane(1)} .board-free").first).to_be_visible()
    assert await phone.locator(f"{lane(2)} .board-free").count() == 0
    top = await phone.locator(lane(1)).bounding_box()
    length = await phone.locator("[data-board-grid]").get_attribute("data-minutes")
    assert top is not None
    begins = await phone.locator("[data-board-grid]").get_attribute("data-begins")
    at = (moved.starts_at.timestamp() - int(begins or 0)) / 60 * top["height"] / int(length or 1)
    await phone.locator(lane(2)).click(position={"x": 20, "y": at + 2}, force=True)
    await expect(phone.locator(".toast").last).to_contain_text("cannot be had")
    await phone.locator(card(moved)).tap()
    await expect(phone.locator(f"{lane(1)} .board-free").first).to_be_visible()
    await phone.locator(lane(1)).click(position={"x": 20, "y": at + 2}, force=True)
    await expect(phone.locator(".toast").last).to_contain_text("Moved")
    given = await now_stands(salon, first.id)
    assert (given.id, given.staff_id) == (moved.id, salon.staff[1])

    # With keys, up into a time that is taken: refused before it is asked; back with Escape.
    await desktop.reload()
    await desktop.locator(card(given)).focus()
    await desktop.keyboard.press("m")
    await expect(desktop.locator(f"{lane(1)} .board-free").first).to_be_visible()
    for _ in range(4):
        await desktop.keyboard.press("ArrowUp")
    await expect(desktop.locator(".board-ghost.is-taken")).to_be_visible()
    await desktop.keyboard.press("Escape")
    await expect(desktop.locator(".board-ghost")).to_have_count(0)
    await desktop.keyboard.press("m")
    await expect(desktop.locator("[data-board-help]")).to_contain_text("Enter puts it down")
    await expect(desktop.locator(f"{lane(1)} .board-free").first).to_be_visible()
    for _ in range(2):
        await desktop.keyboard.press("ArrowUp")
    await desktop.keyboard.press("Enter")
    await expect(desktop.locator(".toast").last).to_contain_text("Moved")
    last = await now_stands(salon, first.id)
    assert (last.starts_at, last.staff_id) == (tomorrow(hour=12), salon.staff[1])
    assert last.state is BookingState.CONFIRMED

    # Another device's change appears by itself, and so does that it is taken back.
    await expect(phone.locator(card(last))).to_be_visible()
    await desktop.keyboard.press("Control+z")
    await expect(desktop.locator(".toast").last).to_contain_text("Taken back")
    await expect(phone.locator(card(given))).to_be_visible()
    assert (await now_stands(salon, first.id)).id == given.id
    # The keyboard stays on the card that it moved, under whatever id that lives on; also after a toast's button.
    await expect(desktop.locator(card(given))).to_be_focused()
    await desktop.keyboard.press("m")
    await expect(desktop.locator(f"{lane(1)} .board-free").first).to_be_visible()
    for _ in range(2):
        await desktop.keyboard.press("ArrowUp")
    await desktop.keyboard.press("Enter")
    await expect(desktop.locator(".toast").last).to_contain_text("Moved")
    await expect(desktop.locator(card(await now_stands(salon, first.id)))).to_be_focused()
    await desktop.get_by_role("button", name="Undo").press("Enter")
    await expect(desktop.locator(".toast").last).to_contain_text("Taken back")
    await expect(desktop.locator(card(given))).to_be_focused()
    expected = ("403", "409", "400")
    assert [
        each for page in (phone, desktop) for each in complaints(page) if not any(c in each for c in expected)
    ] == []
