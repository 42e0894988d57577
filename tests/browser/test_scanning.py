"""The counter's camera: a customer's code is held in front of it, or there is none to hold it to."""

import datetime as dt
import io
from pathlib import Path

import pytest
import segno
from PIL import Image
from playwright.async_api import Page, expect

from appointments.states import BookingState
from tests.appointments.makers import make_salon, service_fields
from tests.browser.conftest import PHONE, launched, watched
from tests.browser.test_accessibility import read
from tests.browser.test_shell import complaints, sign_in
from tests.members.makers import make_customer
from tests.orders.makers import code_of, line, open_desk
from tests.people import make_person
from yundian.brands.types import BrandView
from yundian.orders import api
from yundian.platform.core import clock
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

WIDTH, HEIGHT = 640, 480
FAKE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


def drawn(text: str) -> bytes:
    picture = io.BytesIO()
    segno.make_qr(text, error="m").save(picture, kind="png", scale=6, border=4)
    return picture.getvalue()


def film(file: Path, picture: bytes) -> None:
    """What a camera sees: nothing at first, then a phone with the code on it, a little askew and grey."""
    code = Image.open(io.BytesIO(picture)).convert("L").point(lambda value: 40 + value * 7 // 10)
    empty = Image.new("L", (WIDTH, HEIGHT), 90)
    shown = empty.copy()
    shown.paste(code, ((WIDTH - code.width) // 2, (HEIGHT - code.height) // 2))
    shown = shown.rotate(7, Image.Resampling.BICUBIC, fillcolor=90)
    colour = bytes([128]) * (WIDTH * HEIGHT // 2)
    with file.open("wb") as video:
        video.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F10:1 Ip A1:1 C420jpeg\n".encode())
        for frame in (empty, shown, shown, shown):
            video.write(b"FRAME\n" + frame.tobytes() + colour)


async def test_the_code_on_a_customers_phone_is_read_by_the_camera_of_the_counter(
    phone: Page, site: str, services: Services, brand: BrandView, tmp_path: Path
) -> None:
    desk = await open_desk(services, brand)
    order = await desk.place(lines=(line(),))
    await desk.pay(order)
    async with services.database.connection(brand.id) as tx:
        await api.release(tx, order_ids=[order.id], at=clock.now())
    code = await code_of(desk, order)
    film(tmp_path / "seen.y4m", drawn(f"{site}/shop/hand-over#{code}"))
    clerk = await make_person(services, brand.id, Role.SHOP_STAFF, shop_id=desk.shop.id)

    async with launched(*FAKE, f"--use-file-for-fake-video-capture={tmp_path / 'seen.y4m'}") as seeing:
        page = await watched(await seeing.new_context(viewport=PHONE, locale="zh-CN"))
        await sign_in(page, site, clerk)
        await page.goto(f"{site}/shop/hand-over")
        await page.get_by_role("button", name="Scan").click()
        await expect(page.get_by_role("heading", name="Give these to the customer")).to_be_visible()
        await expect(page.get_by_text(order.number)).to_be_visible()
        # The board of appointments looks by the same camera, for a code of its own.
        await page.goto(f"{site}/shop/appointments")
        await page.get_by_role("button", name="Scan").click()
        await expect(page.get_by_text("That is not the code of an appointment.")).to_be_visible()
        way = page.get_by_role("link", name="Open it where it belongs")
        await expect(way).to_have_attribute("href", f"/shop/hand-over#{code}")
        await page.get_by_role("button", name="Stop the camera").click()
        await expect(page.get_by_role("button", name="Scan")).to_be_focused()
        assert [each for each in complaints(page) if "403" not in each] == []

    # Without a camera it says so, and with one that it may not use.
    await sign_in(phone, site, clerk)
    await phone.goto(f"{site}/shop/hand-over")
    await phone.get_by_role("button", name="Scan").click()
    await expect(phone.get_by_text("This device has no camera that works. Type the code.")).to_be_visible()
    refuse = "async () => { throw new DOMException('', 'NotAllowedError') }"
    await phone.evaluate(f"() => {{ navigator.mediaDevices.getUserMedia = {refuse} }}")
    await phone.get_by_role("button", name="Scan").click()
    await expect(phone.get_by_text("The camera may not be used here.")).to_be_visible()
    assert await read(phone) == []


async def test_what_a_customer_shows_of_her_appointment_is_read_on_the_board_and_taken_back(
    phone: Page, site: str, services: Services, brand: BrandView, tmp_path: Path
) -> None:
    salon = await make_salon(services, brand, fields=service_fields(step_min=5))
    await salon.rows("UPDATE appointments_plan_span SET starts = 0, ends = 1440 WHERE brand_id = $1")
    start = clock.now() + dt.timedelta(minutes=60)
    customer = await make_customer(services, brand)
    booked = await salon.book(start - dt.timedelta(seconds=start.timestamp() % 300), member_id=customer.id)
    await phone.set_extra_http_headers(customer.headers)
    await phone.goto(f"{site}/m/{brand.code}/appointments/{booked.code}")
    film(tmp_path / "seen.y4m", await phone.locator(".pay-code img").screenshot())
    clerk = await make_person(services, brand.id, Role.SHOP_STAFF, shop_id=salon.shop_id)

    async with launched(*FAKE, f"--use-file-for-fake-video-capture={tmp_path / 'seen.y4m'}") as seeing:
        page = await watched(await seeing.new_context(viewport=PHONE, locale="zh-CN"))
        await sign_in(page, site, clerk)
        await page.goto(f"{site}/shop/appointments")
        await page.get_by_role("button", name="Scan").click()
        await page.wait_for_url(f"**/shop/appointments/{booked.booking_id}")
        await expect(page.locator(".toast")).to_contain_text("Checked in")
        await page.get_by_role("button", name="Not here after all").click()
        await expect(page.locator(".toast")).to_contain_text("Saved")
    assert (await salon.see(booked.booking_id)).state is BookingState.CONFIRMED
