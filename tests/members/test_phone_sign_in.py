"""Codes to phones: few, short-lived, counted before they are looked at, good once and for one browser."""

import asyncio
import datetime as dt
import logging

import pytest

from tests.members.conftest import Phone, new_number, ticket_of
from tests.members.makers import count
from yundian.brands.types import BrandView
from yundian.members import rules
from yundian.platform.core import clock
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

COOKIE = "yundian_customer"


def pass_time(monkeypatch: pytest.MonkeyPatch, passed: dt.timedelta) -> None:
    real = clock.now()
    monkeypatch.setattr(clock, "now", lambda: real + passed)


async def test_a_phone_and_its_code_make_a_member_who_agreed(
    phone: Phone, services: Services, brand: BrandView
) -> None:
    number = new_number()
    done = await phone.sign_in(number, next=f"{phone.base}/me")
    me = await phone.get("/me")

    assert (done.status_code, done.headers["location"]) == (303, f"{phone.base}/me")
    assert number not in me.text
    assert f"{number[:3]}****{number[-4:]}" in me.text
    assert await count(services, brand, "members_member") == 1
    assert await count(services, brand, "members_consent") == 1


async def test_however_a_number_is_written_it_is_the_same_member(
    phone: Phone, services: Services, brand: BrandView, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = new_number()
    phone.browser.cookies.set("locale", "en")
    await phone.sign_in(number)
    await phone.submit("/me/sign-out")
    phone.browser.cookies.set("locale", "zh_CN")
    pass_time(monkeypatch, dt.timedelta(minutes=2))
    page = await phone.ask_code(f"+86 {number[:3]}-{number[3:7]} {number[7:]}")
    done = await phone.submit("/sign-in/code", ticket=ticket_of(page), code=phone.codes(number)[-1])

    assert done.status_code == 303
    assert await count(services, brand, "members_member") == 1
    async with services.database.connection(brand.id) as tx:
        spoken = await tx.fetchval("SELECT locale FROM members_member WHERE brand_id = $1", brand.id)
    assert spoken == "en", "the language she came in is hers until she chooses another"


@pytest.mark.parametrize("number", ["12345", "29912345678", "1991234567", "+1 555 123 4567", "abc"])
async def test_what_is_no_mobile_number_gets_no_code(phone: Phone, number: str) -> None:
    page = await phone.ask_code(number)

    assert page.status_code == 400
    assert "field-phone" in page.text


async def test_without_agreement_no_code_is_sent(phone: Phone, services: Services, brand: BrandView) -> None:
    page = await phone.submit("/sign-in/phone", phone=new_number())

    assert page.status_code == 400
    assert await count(services, brand, "members_sms_code") == 0


async def test_a_code_can_be_guessed_at_five_times_and_then_not_even_rightly(phone: Phone) -> None:
    number = new_number()
    ticket = ticket_of(await phone.ask_code(number))
    right = phone.codes(number)[-1]
    wrong = f"{(int(right) + 1) % 10**6:06}"
    answers = [await phone.submit("/sign-in/code", ticket=ticket, code=wrong) for _ in range(rules.CODE_TRIES)]
    last = await phone.submit("/sign-in/code", ticket=ticket, code=right)

    assert {answer.status_code for answer in answers} == {400}
    assert last.status_code == 400
    assert COOKIE not in phone.browser.cookies


async def test_parallel_guesses_do_not_slip_past_the_limit(
    phone: Phone, services: Services, brand: BrandView
) -> None:
    number = new_number()
    ticket = ticket_of(await phone.ask_code(number))
    right = int(phone.codes(number)[-1])
    guesses = [f"{(right + n) % 10**6:06}" for n in range(1, 21)]
    await asyncio.gather(*(phone.submit("/sign-in/code", ticket=ticket, code=guess) for guess in guesses))

    async with services.database.connection(brand.id) as tx:
        assert await tx.fetchval("SELECT max(tries) FROM members_sms_code") == rules.CODE_TRIES


async def test_whoever_taps_twice_gets_one_message_and_is_in_whichever_answer_she_sees(
    phone: Phone, services: Services, brand: BrandView, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without script nothing stops the second tap, and the browser shows what answers it."""
    number = new_number()
    asked = await asyncio.gather(*(phone.ask_code(number, _idempotency_key="one form") for _ in range(3)))
    asked.append(await phone.ask_code(number, _idempotency_key="one form"))
    assert [page.status_code for page in asked] == [200] * 4
    assert (await phone.ask_code(number, _idempotency_key="another form")).status_code == 429
    [code] = phone.codes(number)

    tickets = [ticket_of(page) for page in asked[:3]]
    answers = await asyncio.gather(*(phone.submit("/sign-in/code", ticket=one, code=code) for one in tickets))
    pass_time(monkeypatch, rules.SAME_TAP + dt.timedelta(seconds=1))
    late = await phone.submit("/sign-in/code", ticket=tickets[0], code=code)

    assert [answer.status_code for answer in answers] == [303] * 3
    assert await count(services, brand, "members_member") == 1
    assert late.status_code == 400, "a code is good once"


async def test_a_code_is_too_old_after_five_minutes(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    number = new_number()
    ticket = ticket_of(await phone.ask_code(number))
    pass_time(monkeypatch, rules.CODE_LIFE + dt.timedelta(seconds=1))

    answer = await phone.submit("/sign-in/code", ticket=ticket, code=phone.codes(number)[-1])
    assert answer.status_code == 400


async def test_a_code_without_its_ticket_or_with_another_is_worth_nothing(
    phone: Phone, other_phone: Phone
) -> None:
    victim, attacker = new_number(), new_number()
    await phone.ask_code(victim)
    own = ticket_of(await other_phone.ask_code(attacker))
    stolen = phone.codes(victim)[-1]

    for ticket in (own, "nonsense", own[:-6] + "AAAAAA"):
        answer = await other_phone.submit("/sign-in/code", ticket=ticket, code=stolen)
        assert answer.status_code == 400


async def test_a_phone_gets_one_code_a_minute_and_ten_a_day(
    phone: Phone, other_phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = new_number()
    await phone.ask_code(number)
    again = await other_phone.ask_code(number)
    assert again.status_code == 429
    assert len(phone.codes(number)) == 1

    for minute in range(1, rules.PHONE_PER_DAY):
        with monkeypatch.context() as later:
            pass_time(later, dt.timedelta(minutes=2 * minute))
            assert (await phone.ask_code(number)).status_code == 200
    with monkeypatch.context() as later:
        pass_time(later, dt.timedelta(hours=2))
        assert (await phone.ask_code(number)).status_code == 429
    with monkeypatch.context() as later:
        pass_time(later, dt.timedelta(hours=25))
        assert (await phone.ask_code(number)).status_code == 200


async def test_parallel_asks_send_one_code(phone: Phone) -> None:
    number = new_number()
    answers = await asyncio.gather(*(phone.ask_code(number) for _ in range(5)))

    assert sorted(answer.status_code for answer in answers) == [200, 429, 429, 429, 429]
    assert len(phone.codes(number)) == 1


async def test_an_address_is_limited_too(phone: Phone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "ADDRESS_PER_DAY", 3)
    answers = [await phone.ask_code(new_number()) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]


async def test_another_code_is_sent_with_the_ticket_of_the_last(
    phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = new_number()
    ticket = ticket_of(await phone.ask_code(number))
    too_soon = await phone.submit("/sign-in/phone", ticket=ticket, agree="on")
    pass_time(monkeypatch, dt.timedelta(seconds=61))
    second = await phone.submit("/sign-in/phone", ticket=ticket, agree="on")
    done = await phone.submit("/sign-in/code", ticket=ticket_of(second), code=phone.codes(number)[-1])

    assert too_soon.status_code == 429
    assert ticket_of(too_soon) == ticket
    assert number not in second.text
    assert done.status_code == 303


async def test_when_the_provider_fails_it_is_said_and_the_next_try_may_come_at_once(phone: Phone) -> None:
    number = new_number()
    phone.sandbox.break_it("down", provider="sms", operation="send")
    failed = await phone.ask_code(number)
    again = await phone.ask_code(number)

    assert failed.status_code == 503
    assert "field-phone" in failed.text
    assert again.status_code == 200


async def test_neither_phone_nor_code_nor_token_is_logged(
    phone: Phone, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    number = new_number()
    await phone.sign_in(number)
    token = phone.browser.cookies[COOKIE]
    code = phone.codes(number)[-1]
    output = capsys.readouterr()
    written = output.out + output.err + "".join(f"{record.msg}{record.args}" for record in caplog.records)

    assert "members.phone.confirm" in written or "/sign-in/code" in written
    for secret in (number, token, f"验证码 {code}"):
        assert secret not in written


async def test_nothing_of_a_phone_stands_in_the_database_in_clear(
    phone: Phone, services: Services, brand: BrandView
) -> None:
    number = new_number()
    await phone.sign_in(number)

    tables = ("members_identity", "members_sms_code", "members_sms_quota", "outbox_event", "directory")
    async with services.database.connection(brand.id) as tx:
        for table in tables:
            rows = await tx.fetch(f"SELECT t::text AS line FROM {table} t")
            assert not any(number in row["line"] or number.encode().hex() in row["line"] for row in rows)
