"""Words, quiet hours and verdicts, without a database."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yundian.messaging.rules import rendering, timing, verdicts
from yundian.messaging.rules.samples import sample_values
from yundian.messaging.rules.templates import COMMON_NAMES, LOCALES, TEMPLATES, house_template
from yundian.messaging.rules.verdicts import Verdict
from yundian.messaging.types import TemplateFields, TemplateText, Value
from yundian.platform.core.errors import InvalidInput
from yundian.platform.core.money import Money

AT = dt.datetime(2026, 11, 22, 6, 30, tzinfo=dt.UTC)
VALUES: dict[str, Value] = {
    "product": "云雾丝绒唇釉 Velvet Lip #402 枫叶红 限量礼盒装",
    "amount": Money(123456789, "CNY"),
    "starts_at": AT,
}


def _fields(**changes: object) -> TemplateFields:
    text = TemplateText(sms="{order}", official={"thing1": "{product}"})
    known = {
        "is_enabled": True,
        "is_urgent": True,
        "official_template_id": "",
        "mini_template_id": "",
        "mini_page": "",
        "texts": {"zh_CN": text, "en": text},
    }
    return TemplateFields(**(known | changes))  # type: ignore[arg-type]


def test_every_template_of_the_house_reads_well_in_both_languages_and_fits_wechat() -> None:
    for template in TEMPLATES.values():
        rendering.checked_fields(template, _fields(texts=template.texts))
        values = {**sample_values(template, now=AT), "brand": "云店", "link": "https://s.example/m/x"}
        assert set(values) == {*template.names, *COMMON_NAMES}
        for locale in LOCALES:
            words = rendering.words(values, locale=locale, zone="Asia/Shanghai")
            text = rendering.sms_text(template.texts[locale], words)
            assert "{" not in text
            assert "https://s.example/m/x" in text
            data = rendering.wechat_data(
                template.texts[locale].official, values, locale=locale, zone="Asia/Shanghai"
            )
            assert all(field["value"] for field in data.values())


def test_values_come_back_from_their_seal_as_they_went_in() -> None:
    assert rendering.unpacked(rendering.packed({**VALUES, "count": 3})) == {**VALUES, "count": 3}
    with pytest.raises(ValueError, match="without a zone"):
        rendering.packed({"starts_at": dt.datetime(2026, 1, 1)})  # noqa: DTZ001


@pytest.mark.parametrize(
    ("field", "expression", "shown"),
    [
        ("thing1", "{product}", "云雾丝绒唇釉 Velvet Lip #…"),
        ("amount2", "{amount}", "¥1234567.89"),
        ("time3", "{starts_at}", "2026年11月22日 14:30"),
        ("phrase4", "拼团成功了吗", "拼团成功…"),
        ("thing5", "{nothing}", "-"),
        ("thing6", "{product.__class__}", "{product.__class__}"),
    ],
)
def test_a_field_holds_what_wechat_takes(field: str, expression: str, shown: str) -> None:
    data = rendering.wechat_data({field: expression}, VALUES, locale="zh_CN", zone="Asia/Shanghai")

    assert data[field]["value"] == shown


def test_a_moment_is_shown_as_the_wall_clock_of_its_zone_in_its_language() -> None:
    assert rendering.words(VALUES, locale="zh_CN", zone="Asia/Shanghai")["starts_at"] == "11月22日 14:30"
    assert rendering.words(VALUES, locale="en", zone="Europe/Paris")["starts_at"] == "22 Nov, 07:30"


@pytest.mark.parametrize(
    "text",
    [
        TemplateText(sms=""),
        TemplateText(sms="{secret}"),
        TemplateText(sms="{order.__class__}"),
        TemplateText(sms="x", official={"thing 1": "x"}),
        TemplateText(sms="x", official={"thing1": "{secret}"}),
        TemplateText(sms="x", mini={f"thing{number}": "x" for number in range(1, 13)}),
    ],
)
def test_a_text_that_cannot_be_rendered_is_refused_when_it_is_saved(text: TemplateText) -> None:
    with pytest.raises(InvalidInput):
        rendering.checked_fields(house_template("order.ready"), _fields(texts={"zh_CN": text}))


@given(
    minute=st.integers(0, 60 * 24 * 400),
    start=st.times(),
    end=st.times(),
    zone=st.sampled_from(["Asia/Shanghai", "Europe/Paris", "America/St_Johns", "Australia/Lord_Howe"]),
)
def test_the_end_of_the_night_is_later_and_is_no_night(
    minute: int, start: dt.time, end: dt.time, zone: str
) -> None:
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=minute)
    start, end = start.replace(microsecond=0), end.replace(microsecond=0)

    until = timing.quiet_until(now, start=start, end=end, zone=zone)

    if until is not None:
        assert now < until <= now + dt.timedelta(hours=25)
        assert timing.quiet_until(until, start=start, end=end, zone=zone) is None


def test_a_night_over_midnight_ends_by_the_wall_clock_also_when_clocks_change() -> None:
    night = {"start": dt.time(21), "end": dt.time(9), "zone": "Europe/Paris"}
    late = dt.datetime(2026, 10, 24, 22, 0, tzinfo=dt.UTC)
    early = dt.datetime(2026, 10, 25, 3, 0, tzinfo=dt.UTC)

    assert timing.quiet_until(late, **night) == dt.datetime(2026, 10, 25, 8, 0, tzinfo=dt.UTC)  # type: ignore[arg-type]
    assert timing.quiet_until(early, **night) == dt.datetime(2026, 10, 25, 8, 0, tzinfo=dt.UTC)  # type: ignore[arg-type]
    noon = dt.datetime(2026, 10, 25, 12, 0, tzinfo=dt.UTC)
    assert timing.quiet_until(noon, **night) is None  # type: ignore[arg-type]


def test_refusals_of_wechat_lead_where_they_should() -> None:
    assert verdicts.of_wechat(43101) is Verdict.NO_CONSENT
    assert {verdicts.of_wechat(code) for code in (-1, 45009, 45011)} == {Verdict.AGAIN}
    assert {verdicts.of_wechat(code) for code in (40003, 43004, 45015, 40037, 47003, 48001, 12345)} == {
        Verdict.NEXT_WAY
    }
