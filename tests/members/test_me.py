"""A member's own page: what it shows, what may be bound, and the way out."""

import asyncio
import datetime as dt

import httpx
import pytest

from tests.helpers import submit
from tests.members.conftest import Phone, new_number, ticket_of
from tests.members.makers import count
from tests.people import sign_in_as
from yundian.brands.types import BrandView
from yundian.members import api, rules
from yundian.platform.auth.sign_in import forget_old
from yundian.platform.core import clock
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

COOKIE = "yundian_customer"


async def bind(phone: Phone, number: str) -> str:
    """Ask for the code and enter it: the text of the answer, or where it leads."""
    page = await phone.ask_code(number, path="/me/phone")
    answer = await phone.submit("/me/code", ticket=ticket_of(page), code=phone.codes(number)[-1])
    return answer.headers.get("location") or answer.text


async def test_a_member_binds_her_phone_and_sees_it_masked(
    phone: Phone, official: str, services: Services, brand: BrandView
) -> None:
    await phone.sign_in_by_wechat(official)
    number = new_number()
    led = await bind(phone, number)
    me = await phone.get("/me")

    assert led == f"{phone.base}/me"
    assert f"{number[:3]}****{number[-4:]}" in me.text
    assert number not in me.text
    async with services.database.connection(brand.id) as tx:
        tags = {row["tag"] for row in await tx.fetch("SELECT tag FROM outbox_event")}
    assert tags == {"members.joined.v1", "members.identity_verified.v1", "members.phone_bound.v1"}


async def test_another_members_phone_is_not_bound(
    phone: Phone, other_phone: Phone, official: str, services: Services, brand: BrandView
) -> None:
    number = new_number()
    await other_phone.sign_in(number)
    await phone.sign_in_by_wechat(official)
    async with services.database.connection(brand.id) as tx:
        await tx.execute("DELETE FROM members_sms_quota")
    page = await phone.ask_code(number, path="/me/phone")
    answer = await phone.submit("/me/code", ticket=ticket_of(page), code=phone.codes(number)[-1])

    assert answer.status_code == 409
    assert "这个手机号" in answer.text
    assert await count(services, brand, "members_identity") == 2


async def test_a_second_phone_is_not_bound(phone: Phone) -> None:
    await phone.sign_in(new_number())
    second = new_number()
    page = await phone.ask_code(second, path="/me/phone")
    answer = await phone.submit("/me/code", ticket=ticket_of(page), code=phone.codes(second)[-1])

    assert answer.status_code == 409


async def test_two_phones_bound_at_once_leave_one(
    phone: Phone, official: str, services: Services, brand: BrandView
) -> None:
    await phone.sign_in_by_wechat(official)
    numbers = [new_number(), new_number()]
    # One may be bound before the other asks for its code: then there is no form any more to ask with.
    await asyncio.gather(*(bind(phone, number) for number in numbers), return_exceptions=True)

    async with services.database.connection(brand.id) as tx:
        assert await tx.fetchval("SELECT count(*) FROM members_identity WHERE kind = 'phone'") == 1


async def test_two_members_binding_one_phone_at_once_leave_it_to_one(
    phone: Phone, other_phone: Phone, official: str, services: Services, brand: BrandView,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    await phone.sign_in_by_wechat(official, user_id=1)
    await other_phone.sign_in_by_wechat(official, user_id=2)
    number = new_number()
    first = ticket_of(await phone.ask_code(number, path="/me/phone"))
    with monkeypatch.context() as later:
        real = clock.now()
        later.setattr(clock, "now", lambda: real + dt.timedelta(minutes=2))
        second = ticket_of(await other_phone.ask_code(number, path="/me/phone"))
    codes = phone.codes(number)
    answers = await asyncio.gather(
        phone.submit("/me/code", ticket=first, code=codes[0]),
        other_phone.submit("/me/code", ticket=second, code=codes[1]),
    )

    assert sorted(answer.status_code for answer in answers) == [303, 409]


async def test_a_ticket_to_sign_in_binds_nothing_and_the_other_way_round(
    phone: Phone, other_phone: Phone, official: str, services: Services, brand: BrandView
) -> None:
    """Whoever lures a code out of a person for one thing cannot use it for another."""
    await phone.sign_in_by_wechat(official)
    number, other_number = new_number(), new_number()
    to_sign_in = ticket_of(await other_phone.ask_code(number))
    to_bind = ticket_of(await phone.ask_code(other_number, path="/me/phone"))
    bound = await phone.submit("/me/code", ticket=to_sign_in, code=phone.codes(number)[-1])
    signed_in = await other_phone.submit("/sign-in/code", ticket=to_bind, code=phone.codes(other_number)[-1])

    assert (bound.status_code, signed_in.status_code) == (400, 400)
    assert await count(services, brand, "members_identity") == 1


async def test_who_came_by_phone_binds_her_wechat(
    phone: Phone, official: str, services: Services, brand: BrandView
) -> None:
    await phone.sign_in(new_number())
    before = phone.browser.cookies[COOKIE]
    done = await phone.sign_in_by_wechat(official, "?scope=snsapi_userinfo", scope="snsapi_userinfo", user_id=3)

    assert done.headers["location"] == f"{phone.base}/me"
    assert phone.browser.cookies[COOKIE] == before
    assert await count(services, brand, "members_member") == 1
    assert await count(services, brand, "members_identity") == 3
    async with services.database.connection(brand.id) as tx:
        member_id = await tx.fetchval("SELECT id FROM members_member")
        openid = await api.openid_of(tx, keyring=services.keyring, member_id=member_id, app_id=official)
    assert openid is not None
    assert openid.startswith("o")


async def test_another_members_wechat_is_not_bound(
    phone: Phone, other_phone: Phone, official: str, services: Services, brand: BrandView
) -> None:
    await other_phone.sign_in_by_wechat(official, user_id=1)
    await phone.sign_in(new_number())
    answer = await phone.sign_in_by_wechat(official, user_id=1)

    assert answer.headers["location"] == f"{phone.base}/me"
    assert "toast=" in answer.headers["set-cookie"]
    assert await count(services, brand, "members_identity") == 2


async def test_signing_out_ends_this_session_and_everywhere_ends_all(
    phone: Phone, other_phone: Phone, official: str
) -> None:
    await phone.sign_in_by_wechat(official)
    await other_phone.sign_in_by_wechat(official)
    token = phone.browser.cookies[COOKIE]
    out = await phone.submit("/me/sign-out")
    phone.browser.cookies.set(COOKIE, token)

    assert out.headers["location"] == f"{phone.base}/sign-in?stay=1"
    assert (await phone.get("/me")).status_code == 303
    assert (await other_phone.get("/me")).status_code == 200

    phone.browser.cookies.clear()
    await phone.sign_in_by_wechat(official)
    await other_phone.submit("/me/sign-out-everywhere")
    assert (await phone.get("/me")).status_code == 303


async def test_a_closed_member_is_out_and_does_not_come_back(
    phone: Phone, official: str, services: Services, brand: BrandView
) -> None:
    await phone.sign_in_by_wechat(official)
    await phone.submit("/me/sign-out")
    async with services.database.connection(brand.id) as tx:
        await tx.execute("UPDATE members_member SET status = 'closed'")
    answer = await phone.sign_in_by_wechat(official)

    assert answer.headers["location"].startswith(f"{phone.base}/sign-in?stay=1")
    assert COOKIE not in phone.browser.cookies


async def test_agreeing_is_kept_with_the_version_of_the_text(
    phone: Phone, official: str, services: Services, brand: BrandView
) -> None:
    await phone.sign_in_by_wechat(official)
    before = await phone.get("/me")
    await phone.submit("/me/terms")
    after = await phone.get("/me")

    assert "/me/terms" in before.text
    assert "/me/terms" not in after.text
    async with services.database.connection(brand.id) as tx:
        row = await tx.fetchrow("SELECT document, text_version FROM members_consent")
    assert row is not None
    assert tuple(row) == ("terms", "2026-01")


async def test_a_session_nobody_uses_ends_and_is_forgotten(
    phone: Phone, official: str, services: Services, brand: BrandView, monkeypatch: pytest.MonkeyPatch
) -> None:
    await phone.sign_in_by_wechat(official)
    real = clock.now()
    monkeypatch.setattr(clock, "now", lambda: real + dt.timedelta(days=59))
    used = await phone.get("/me")
    monkeypatch.setattr(clock, "now", lambda: real + dt.timedelta(days=118))
    used_again = await phone.get("/me")
    monkeypatch.setattr(clock, "now", lambda: real + dt.timedelta(days=181))
    over = await phone.get("/me")
    monkeypatch.setattr(clock, "now", lambda: real + dt.timedelta(days=220))
    await forget_old(services.database)

    assert (used.status_code, used_again.status_code, over.status_code) == (200, 200, 303)
    assert await count(services, brand, "auth_customer_session") == 0


async def test_only_the_hash_of_a_token_is_kept(
    phone: Phone, official: str, services: Services, brand: BrandView
) -> None:
    await phone.sign_in_by_wechat(official)
    secret = phone.browser.cookies[COOKIE].partition(".")[2]

    async with services.database.connection(brand.id) as tx:
        line = await tx.fetchval("SELECT s::text FROM auth_customer_session s")
    assert secret not in line


async def test_who_came_by_phone_agrees_to_new_terms_as_one_who_came_by_phone(
    phone: Phone, services: Services, brand: BrandView
) -> None:
    await phone.sign_in(new_number())
    async with services.database.connection(brand.id) as tx:
        await tx.execute("UPDATE members_consent SET text_version = 'older'")
    before = await phone.get("/me")
    terms = await phone.get("/terms")
    await phone.submit("/me/terms")
    after = await phone.get("/me")

    assert f"{phone.base}/terms" in before.text
    assert rules.TERMS_VERSION in terms.text
    assert f"{phone.base}/terms" not in after.text
    async with services.database.connection(brand.id) as tx:
        rows = await tx.fetch("SELECT text_version, via FROM members_consent ORDER BY id")
    assert [tuple(row) for row in rows] == [("older", "phone"), (rules.TERMS_VERSION, "phone")]


@pytest.mark.parametrize(("path", "to"), [("/sign-in/phone", "/sign-in"), ("/sign-in/code", "/sign-in")])
async def test_the_answer_of_a_form_that_is_loaded_again_leads_back_to_the_form(
    phone: Phone, path: str, to: str
) -> None:
    stranger = await phone.get(path)
    await phone.sign_in(new_number())
    member = await phone.get("/me/code")

    assert (stranger.status_code, stranger.headers["location"]) == (303, f"{phone.base}{to}")
    assert (member.status_code, member.headers["location"]) == (303, f"{phone.base}/me")


async def test_a_brand_publishes_terms_of_its_own_and_every_member_is_asked_again(
    phone: Phone, services: Services, brand: BrandView, client: httpx.AsyncClient
) -> None:
    await phone.sign_in(new_number())
    admin = (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers
    form = {"number": "0", "text_zh": "第一条\r\n\r\n第二条 <b>", "text_en": "First"}
    published = await submit(client, "/hq/terms", form, **admin)
    late = await submit(client, "/hq/terms", {**form, "text_zh": "另一份"}, **admin)
    asked = await phone.get("/me")
    terms = await phone.get("/terms")
    await phone.submit("/me/terms")
    agreed = await phone.get("/me")

    assert (published.status_code, late.status_code) == (303, 409), late.text
    assert f"{phone.base}/terms" in asked.text
    assert "<p>第一条</p><p>第二条 &lt;b&gt;</p>" in terms.text
    assert f"{phone.base}/terms" not in agreed.text
    async with services.database.connection(brand.id) as tx:
        versions = await tx.fetch("SELECT text_version FROM members_consent ORDER BY id")
    assert versions[0][0] == rules.TERMS_VERSION
    assert versions[-1][0].endswith(".1")
