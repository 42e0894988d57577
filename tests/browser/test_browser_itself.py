"""The browser that the other tests trust: it runs, and it can show Chinese."""

import pytest
from playwright.async_api import Page

pytestmark = [pytest.mark.anyio, pytest.mark.browser]

_INK = """text => {
    const canvas = Object.assign(document.createElement('canvas'), {width: 64, height: 64});
    const pen = canvas.getContext('2d');
    pen.font = '48px sans-serif';
    pen.fillText(text, 4, 52);
    return Array.from(pen.getImageData(0, 0, 64, 64).data).join();
}"""


async def test_chinese_characters_are_drawn_and_are_not_boxes(desktop: Page) -> None:
    await desktop.set_content("<p>云店</p>")
    cloud, shop = await desktop.evaluate(_INK, "云"), await desktop.evaluate(_INK, "店")
    # A font without Chinese draws the same box for both.
    assert cloud != shop


async def test_a_phone_page_is_360_pixels_wide(phone: Page) -> None:
    await phone.set_content("<meta name=viewport content='width=device-width'><p>店")
    assert await phone.evaluate("innerWidth") == 360
