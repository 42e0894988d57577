"""A brand's own words reach each reader in her language, and forms, which show both, stay as they are."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import pytest

from yundian.platform.core.days import date_text, datetime_text
from yundian.platform.core.words import Bilingual, Words, told


class Shop(Bilingual, frozen=True, kw_only=True):
    name: str
    name_en: str = ""
    city: str = ""


class Row(msgspec.Struct, frozen=True):
    """What an editor shows: both."""

    name: str
    name_en: str


class Near(NamedTuple):
    shop: Shop
    metres: int


@dataclass(frozen=True)
class Whole:
    shops: tuple[Shop, ...]
    by_code: Mapping[str, Near]


BUND = Shop(name="外滩店", name_en="The Bund", city="上海市")
PLAIN = Shop(name="静安店")


def test_who_reads_english_reads_it_wherever_it_is_said_and_the_own_name_where_it_is_not() -> None:
    whole = Whole(shops=(BUND, PLAIN), by_code={"a": Near(BUND, 3)})

    said = told({"whole": whole, "pages": [BUND], "count": 2}, "en")

    shown = said["whole"]
    assert isinstance(shown, Whole)
    assert [one.name for one in shown.shops] == ["The Bund", "静安店"]
    assert shown.by_code["a"] == Near(Shop(name="The Bund", name_en="The Bund", city="上海市"), 3)
    assert told([Near(BUND, 3)], "en")[0].shop.name == "The Bund"
    assert whole.shops[0].name == "外滩店", "what others hold is not touched"


def test_who_reads_chinese_and_what_has_no_english_get_the_very_same_thing() -> None:
    things = [PLAIN, Near(PLAIN, 1), Row("外滩店", "The Bund"), {"row": Row("外滩店", "The Bund")}]

    assert told(things, "en") is things, "a form's row says both, and is saved again as it is"
    assert told([BUND], "zh_CN") == [BUND]


@pytest.mark.parametrize(
    ("words", "locale", "text"),
    [
        (Words("外滩店", "The Bund"), "en", "The Bund"),
        (Words("外滩店", "The Bund"), "zh_CN", "外滩店"),
        (Words("外滩店"), "en", "外滩店"),
    ],
)
def test_words_are_told_when_the_reader_is_known(words: Words, locale: str, text: str) -> None:
    assert words.text(locale) == text


def test_a_moment_is_written_in_one_way_in_each_language() -> None:
    moment = dt.datetime(2026, 11, 26, 0, 5, tzinfo=dt.UTC)

    shown = {locale: datetime_text(moment, zone="Asia/Shanghai", locale=locale) for locale in ("zh_CN", "en")}

    assert shown == {"zh_CN": "2026年11月26日 08:05", "en": "Nov 26, 2026, 08:05"}
    assert date_text(moment, zone="America/New_York", locale="en") == "Nov 25, 2026"
    assert date_text(dt.date(2026, 1, 5), zone="Asia/Shanghai", locale="zh_CN", style="iso") == "2026-01-05"
