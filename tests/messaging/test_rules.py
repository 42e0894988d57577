"""Words, quiet hours and verdicts, without a database."""

import datetime as dt
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yundian.members.types import Reach
from yundian.messaging.rules import planning, rendering, timing, verdicts
from yundian.messaging.rules.planning import Case
from yundian.messaging.rules.samples import sample_values
from yundian.messaging.rules.templates import COMMON_NAMES, LOCALES, TEMPLATES, house_template
from yundian.messaging.rules.verdicts import Verdict
from yundian.messaging.service.deciding import DEFAULT_POLICY
from yundian.messaging.types import Channel, MessageClass, TemplateFields, TemplateText, Value
from yundian.platform.core.errors import InvalidInput
from yundian.platform.core.money import Money
from yundian.platform.core.words import Words
from yundian.platform.web import context, formats

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


def test_a_short_message_that_is_too_long_loses_words_and_never_its_link() -> None:
    link = f"https://{'booking' * 9}.example/m/brand/appointments/7K3M9QXAZZ"
    long = {
        "service": "妆" * 80,
        "shop": "店" * 30,
        "reason": "因故" * 100,
        "staff": "人" * 60,
        "product": "品" * 200,
    }
    for template in TEMPLATES.values():
        given = {**sample_values(template, now=AT), **long, "brand": "云店", "link": link}
        words = rendering.words(given, locale="zh_CN", zone="Asia/Shanghai")
        for locale in LOCALES:
            text = rendering.sms_text(template.texts[locale], words)
            assert len(text) <= rendering.MAX_SMS
            assert link in text
            if template.code.endswith("declined"):
                assert "妆" * 80 in text, "the longest gives way"
                assert "因故因故" in text
        assert rendering.sms_values(template, words)["link"] == link
    free = TemplateText(sms="好" * rendering.MAX_SMS)
    assert rendering.sms_text(free, {"link": link}) == free.sms


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


def test_a_name_is_told_in_the_language_of_whom_it_reaches_and_sealed_with_both() -> None:
    values: dict[str, Value] = {"shop": Words("外滩店", "The Bund"), "service": Words("试妆"), "staff": ""}

    opened = rendering.unpacked(rendering.packed(values))

    assert opened == values
    said = {one: rendering.words(opened, locale=one, zone="Asia/Shanghai") for one in ("zh_CN", "en")}
    assert said["zh_CN"] == {"shop": "外滩店", "service": "试妆", "staff": ""}
    assert said["en"] == {"shop": "The Bund", "service": "试妆", "staff": ""}
    assert rendering.wechat_data({"thing1": "{shop}"}, opened, locale="en", zone="Asia/Shanghai") == {
        "thing1": {"value": "The Bund"}
    }


def test_a_moment_is_written_as_on_screens_and_in_figures_where_wechat_wants_them() -> None:
    at = dt.datetime(2026, 1, 5, 1, 0, tzinfo=dt.UTC)
    told: list[tuple[str, str]] = []
    for locale in ("zh_CN", "en"):
        token = context.enter(context.RequestContext(locale=locale))
        screen = formats.datetime(at, "Asia/Shanghai")
        context.leave(token)
        assert rendering.words({"at": at}, locale=locale, zone="Asia/Shanghai") == {"at": screen}
        data = rendering.wechat_data(
            {"time1": "{at}", "thing2": "{at}"}, {"at": at}, locale=locale, zone="Asia/Shanghai"
        )
        assert data["thing2"]["value"] == screen
        told.append((locale, data["time1"]["value"]))

    assert told == [("zh_CN", "2026年1月5日 09:00"), ("en", "2026-01-05 09:00")]


def test_a_moment_is_shown_as_the_wall_clock_of_its_zone_in_its_language() -> None:
    assert rendering.words(VALUES, locale="zh_CN", zone="Asia/Shanghai")["starts_at"] == "2026年11月22日 14:30"
    assert rendering.words(VALUES, locale="en", zone="Europe/Paris")["starts_at"] == "Nov 22, 2026, 07:30"


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


def test_a_page_of_the_mini_program_that_cannot_be_filled_is_refused_when_it_is_saved() -> None:
    texts = house_template("order.ready").texts
    rendering.checked_fields(house_template("order.ready"), _fields(texts=texts, mini_page="p?to={path}"))
    for page in ("p?to={link}", "p?to={path"):
        with pytest.raises(InvalidInput):
            rendering.checked_fields(house_template("order.ready"), _fields(texts=texts, mini_page=page))


@settings(max_examples=60)
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


_NO_TIME_TO_LOSE = Case(
    message_class=MessageClass.APPOINTMENT, is_test=False, only_channel="", zone="Europe/Paris",
    useless_after=None, recheck="", checked_at=None, tried=frozenset(), tries=0, last_code="", is_exhausted=False,
    template=_fields(is_urgent=False), policy=DEFAULT_POLICY,
    reach=Reach(is_active=True, phone="13800000000", openids={}), apps={}, is_allowed=None,
    has_consented=False, is_told_in_time=True,
)  # fmt: skip


@pytest.mark.parametrize(
    ("now", "begins", "sent_at"),
    [
        # Over midnight, in an ordinary night: nine o'clock is 08:00 UTC in winter.
        ("2026-11-22T21:00", "2026-11-23T09:00", "2026-11-23T08:00"),
        ("2026-11-22T21:00", "2026-11-23T08:59", "2026-11-23T07:59"),
        ("2026-11-22T21:00", "2026-11-23T02:00", "2026-11-23T01:00"),
        ("2026-11-22T21:00", "2026-11-22T22:01", "2026-11-22T21:01"),
        ("2026-11-22T21:00", "2026-11-22T22:00", "2026-11-22T21:00"),
        ("2026-11-22T21:00", "2026-11-22T21:01", "2026-11-22T21:00"),
        # At the edges of the night itself.
        ("2026-11-22T20:00", "2026-11-23T08:30", "2026-11-23T07:30"),
        ("2026-11-22T19:59", "2026-11-23T08:30", "2026-11-22T19:59"),
        ("2026-11-23T08:00", "2026-11-23T08:30", "2026-11-23T08:00"),
        # The night in which the clock is set back ends an hour later, the one in which it is set forward earlier.
        ("2026-10-24T20:00", "2026-10-25T09:00", "2026-10-25T08:00"),
        ("2026-10-24T20:00", "2026-10-25T08:59", "2026-10-25T07:59"),
        ("2026-03-28T21:00", "2026-03-29T08:00", "2026-03-29T07:00"),
        ("2026-03-28T21:00", "2026-03-29T07:59", "2026-03-29T06:59"),
    ],
)
def test_what_must_be_known_before_it_begins_waits_for_the_morning_or_for_an_hour_before(
    now: str, begins: str, sent_at: str
) -> None:
    at, start, sent = (dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC) for text in (now, begins, sent_at))
    case = replace(_NO_TIME_TO_LOSE, useless_after=start)

    plan = planning.decide(case, now=at)

    assert plan == (planning.Send((Channel.SMS,)) if sent == at else planning.WaitQuiet(sent))
    assert planning.decide(case, now=sent) == planning.Send((Channel.SMS,))
    offer = replace(case, message_class=MessageClass.MARKETING, has_consented=True, is_allowed=True)
    assert planning.decide(offer, now=at) == planning.decide(replace(offer, is_told_in_time=False), now=at)


def test_refusals_of_wechat_lead_where_they_should() -> None:
    assert verdicts.of_wechat(43101) is Verdict.NO_CONSENT
    assert {verdicts.of_wechat(code) for code in (-1, 45009, 45011)} == {Verdict.AGAIN}
    assert {verdicts.of_wechat(code) for code in (40003, 43004, 45015, 40037, 47003, 48001, 12345)} == {
        Verdict.NEXT_WAY
    }


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York"])
@pytest.mark.parametrize("hour", [0, 15, 18, 23])
def test_what_a_template_is_shown_with_is_an_afternoon_wherever_the_brand_is(zone: str, hour: int) -> None:
    values = sample_values(house_template("appointment.confirmed"), now=AT.replace(hour=hour), zone=zone)
    starts = values["starts_at"]
    assert isinstance(starts, dt.datetime)
    assert (starts.astimezone(ZoneInfo(zone)).hour, starts > AT.replace(hour=hour)) == (14, True)
