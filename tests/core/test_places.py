"""Provinces and cities of China are read by who reads English, however they were entered."""

import pytest

from yundian.platform.core.places import place_text


@pytest.mark.parametrize(
    ("entered", "english"),
    [
        ("上海市", "Shanghai"),
        ("上海", "Shanghai"),
        ("新疆维吾尔自治区", "Xinjiang"),
        ("乌鲁木齐市", "Ürümqi"),
        ("陕西省", "Shaanxi"),
        ("山西", "Shanxi"),
        ("西安市", "Xi'an"),
        ("重庆市", "Chongqing"),
        ("厦门", "Xiamen"),
        ("恩施土家族苗族自治州", "Enshi"),
        ("西双版纳", "Xishuangbanna"),
        ("香港特别行政区", "Hong Kong"),
        (" 苏州市 ", "Suzhou"),
    ],
)
def test_a_place_is_read_in_english(entered: str, english: str) -> None:
    assert place_text(entered, locale="en") == english
    assert place_text(entered, locale="zh_CN") == entered


@pytest.mark.parametrize("entered", ["", "SP", "Kansai", "静安区"])
def test_what_is_no_place_of_china_stays_as_it_was_entered(entered: str) -> None:
    assert place_text(entered, locale="en") == entered
