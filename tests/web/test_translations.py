"""Chinese by default, English complete, and no sentence forgotten."""

import io
import re

import httpx
import pytest
from litestar import Litestar

from scripts import messages
from tests.helpers import make_client
from yundian.platform.web import i18n
from yundian.platform.web.extract import extract_python

pytestmark = pytest.mark.anyio

_PLACE = re.compile(r"%\((\w+)\)[sd]")


async def test_every_sentence_has_its_chinese() -> None:
    catalogue = messages.current()
    catalogue.update(messages.extracted(), no_fuzzy_matching=True)

    assert messages.missing(catalogue) == []


async def test_translations_keep_the_places_for_values() -> None:
    wrong = [
        message.id
        for message in messages.current()
        if message.id
        and isinstance(message.id, str)
        and set(_PLACE.findall(message.id)) != set(_PLACE.findall(str(message.string)))
    ]

    assert wrong == []


async def test_nothing_unused_is_kept() -> None:
    wanted = {message.id for message in messages.extracted()}

    assert [message.id for message in messages.current() if message.id not in wanted] == []


async def test_refusals_labels_and_messages_are_found_beside_gettext() -> None:
    source = b"""
class Sold(DomainError):
    title = "Sold out"
def f():
    raise InvalidInput("field", "Too long", max=3)
NavigationItem(label="Shops", url="/x")
_("Hello %(name)s", name=x)
ngettext("one", "many", 3)
_(variable)
"""
    found = [message for _, _, message, _ in extract_python(io.BytesIO(source), {}, (), {})]

    assert set(found) == {"Sold out", "Too long", "Shops", "Hello %(name)s", ("one", "many")}


@pytest.mark.parametrize(
    ("asked", "cookie", "accepts", "chosen"),
    [
        (None, None, "", "zh_CN"),
        (None, None, "en-US,en;q=0.9", "en"),
        (None, None, "zh-CN,zh;q=0.9,en;q=0.8", "zh_CN"),
        (None, None, "fr-FR,fr;q=0.9", "zh_CN"),
        (None, "en", "zh-CN", "en"),
        (None, "zh_CN", "en", "zh_CN"),
        ("en", "zh_CN", "zh-CN", "en"),
        ("../etc/passwd", None, "", "zh_CN"),
        (None, "xx", "en", "en"),
    ],
)
async def test_the_language_is_asked_for_remembered_or_preferred_in_this_order(
    asked: str | None, cookie: str | None, accepts: str, chosen: str
) -> None:
    assert i18n.choose(asked=asked, cookie=cookie, accept_language=accepts) == chosen


async def test_a_chosen_language_is_remembered(probe_app: Litestar) -> None:
    async with make_client(probe_app, headers={"Accept": "text/html"}) as browser:
        asked = await browser.get("/?lang=en")
        remembered = await browser.get("/")

    assert '<html lang="en">' in asked.text
    assert '<html lang="en">' in remembered.text


async def test_numbers_and_money_are_written_as_the_reader_writes_them(browser: httpx.AsyncClient) -> None:
    english = (await browser.get("/probe/form?lang=en")).text
    chinese = (await browser.get("/probe/form?lang=zh_CN")).text

    assert "CN¥1,234.56" in english
    assert "¥1,234.56" in chinese
    assert "CN¥" not in chinese
