"""Signing in through WeChat's page: once, from the browser that began, to one member."""

import asyncio

import httpx
import pytest
from litestar import Litestar

from tests.helpers import make_client
from tests.members.conftest import Phone, address, new_number
from tests.members.makers import count, set_up_app
from tests.sandbox.running import RunningSandbox
from yundian.brands.types import BrandView
from yundian.members.service import joining
from yundian.members.types import AppKind, IdentityKind, JoinedVia, Known
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

COOKIE = "yundian_customer"
IN_WECHAT = "Mozilla/5.0 (Linux; Android 14) MicroMessenger/8.0.50"


async def test_a_person_comes_back_from_wechat_and_is_a_member(
    phone: Phone, official: str, services: Services, brand: BrandView
) -> None:
    start = await phone.get("/me")
    back, state = await phone.depart()
    done = await phone.come_back(phone.code(official), state)
    me = await phone.get("/me")

    assert start.status_code == 303
    assert start.headers["location"] == f"{phone.base}/sign-in?next=%2Fm%2F{brand.code}%2Fme"
    assert back == f"https://testserver{phone.base}/sign-in/wechat/back"
    assert (done.status_code, done.headers["location"]) == (303, f"{phone.base}/me")
    assert me.status_code == 200
    assert await count(services, brand, "members_member") == 1
    assert await count(services, brand, "members_consent") == 0


async def test_the_cookie_is_for_this_site_only_and_not_for_scripts(phone: Phone, official: str) -> None:
    done = await phone.sign_in_by_wechat(official)

    cookie = next(c for c in done.headers.get_list("set-cookie") if c.startswith(COOKIE))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie.replace("Lax", "lax")
    assert cookie.startswith(f"{COOKIE}=yc_")


async def test_inside_wechat_nobody_is_asked_but_after_signing_out(phone: Phone, official: str) -> None:
    inside = await phone.get("/sign-in", **{"User-Agent": IN_WECHAT})
    staying = await phone.get("/sign-in?stay=1", **{"User-Agent": IN_WECHAT})

    assert inside.headers["location"].startswith(f"{phone.base}/sign-in/wechat?next=")
    assert staying.status_code == 200


async def test_with_consent_wechats_name_is_used(phone: Phone, official: str) -> None:
    await phone.sign_in_by_wechat(official, "?scope=snsapi_userinfo", scope="snsapi_userinfo", user_id=2)

    users = phone.sandbox.get("users")
    name = next(each for each in users if each["id"] == 2)["nickname"]
    assert name in (await phone.get("/me")).text


async def test_sixteen_first_sign_ins_of_one_person_make_one_member(services: Services, brand: BrandView) -> None:
    async def sign_in() -> object:
        async with services.database.connection(brand.id) as tx:
            return await joining.find_or_join(
                tx,
                keyring=services.keyring,
                proven=[
                    Known(IdentityKind.OPENID, "o-same", scope="wx1"),
                    Known(IdentityKind.UNIONID, "u-same"),
                ],
                via=JoinedVia.WECHAT,
            )

    found = await asyncio.gather(*(sign_in() for _ in range(16)))

    assert len(set(found)) == 1
    assert await count(services, brand, "members_member") == 1
    assert await count(services, brand, "members_identity") == 2
    # That she joined, and each identity, once.
    assert await count(services, brand, "outbox_event") == 3


async def test_first_sign_ins_from_two_apps_at_once_make_one_member(services: Services, brand: BrandView) -> None:
    async def sign_in(number: int) -> object:
        async with services.database.connection(brand.id) as tx:
            return await joining.find_or_join(
                tx,
                keyring=services.keyring,
                proven=[
                    Known(IdentityKind.OPENID, f"o-{number}", scope=f"wx{number}"),
                    Known(IdentityKind.UNIONID, "u-same"),
                ],
                via=JoinedVia.WECHAT,
            )

    found = await asyncio.gather(*(sign_in(number % 2) for number in range(8)))

    assert len(set(found)) == 1
    assert await count(services, brand, "members_identity") == 3


async def test_a_way_back_leads_in_once(phone: Phone, official: str, services: Services, brand: BrandView) -> None:
    _, state = await phone.depart()
    trip = phone.browser.cookies["yundian_trip"]
    code = phone.code(official)
    first = await phone.come_back(code, state)
    phone.browser.cookies.clear()
    phone.browser.cookies.set("yundian_trip", trip)

    same_code = await phone.come_back(code, state)
    phone.browser.cookies.set("yundian_trip", trip)
    fresh_code = await phone.come_back(phone.code(official), state)

    assert first.headers["location"] == f"{phone.base}/me"
    for refused in (same_code, fresh_code):
        assert refused.headers["location"].startswith(f"{phone.base}/sign-in?stay=1")
        assert not _signs_in(refused)


async def test_another_browsers_way_back_leads_nowhere(phone: Phone, other_phone: Phone, official: str) -> None:
    """A link with an attacker's code would sign the victim in as the attacker."""
    _, state = await phone.depart()
    await other_phone.depart()

    without = await other_phone.come_back(phone.code(official), state)
    other_phone.browser.cookies.clear()
    naked = await other_phone.come_back(phone.code(official), state)

    assert not _signs_in(without)
    assert not _signs_in(naked)


async def test_a_used_code_and_no_code_are_refused(phone: Phone, other_phone: Phone, official: str) -> None:
    code = phone.code(official)
    _, state = await phone.depart()
    await phone.come_back(code, state)
    _, other_state = await other_phone.depart()
    replayed = await other_phone.come_back(code, other_state)
    _, third_state = await other_phone.depart()
    declined = await other_phone.come_back("", third_state)

    assert not _signs_in(replayed)
    assert not _signs_in(declined)


async def test_a_way_begun_at_one_brand_ends_at_no_other(
    phone: Phone, official: str, services: Services, other_brand: BrandView, sandbox: RunningSandbox
) -> None:
    await set_up_app(services, other_brand, sandbox, AppKind.OFFICIAL)
    _, state = await phone.depart()

    answer = await phone.browser.get(
        f"/m/{other_brand.code}/sign-in/wechat/back?code={phone.code(official)}&state={state}"
    )

    assert not _signs_in(answer)
    assert await count(services, other_brand, "members_member") == 0


async def test_a_session_of_one_brand_is_nobody_at_another(
    phone: Phone, official: str, other_brand: BrandView
) -> None:
    await phone.sign_in_by_wechat(official)
    foreign = await phone.browser.get(f"/m/{other_brand.code}/me", headers={"Accept": "text/html"})
    sign_in = await phone.browser.get(f"/m/{other_brand.code}/sign-in", headers={"Accept": "text/html"})

    assert foreign.headers["location"].startswith(f"/m/{other_brand.code}/sign-in")
    assert sign_in.status_code == 200


async def test_signing_in_again_ends_the_old_session_of_the_browser(phone: Phone) -> None:
    await phone.sign_in(new_number())
    old = phone.browser.cookies[COOKIE]
    await phone.sign_in(new_number())
    new = phone.browser.cookies[COOKIE]
    phone.browser.cookies.clear()

    assert new != old
    assert (await phone.get("/me", Cookie=f"{COOKIE}={old}")).status_code == 303
    assert (await phone.get("/me", Cookie=f"{COOKIE}={new}")).status_code == 200


async def test_a_planted_session_is_not_taken_over(phone: Phone, other_phone: Phone, official: str) -> None:
    """Whoever plants a token that she knows in a browser must not be signed in when its owner is."""
    await phone.get("/sign-in")
    planted = "yc_AAAAAAAAAAAAAAAAAAAAAA.known-to-somebody-else"
    phone.browser.cookies.set(COOKIE, planted, domain="testserver.local", path="/")
    done = await phone.sign_in_by_wechat(official)
    other_phone.browser.cookies.set(COOKIE, planted, domain="testserver.local", path="/")

    assert _signs_in(done)
    assert phone.browser.cookies[COOKIE] != planted
    assert (await other_phone.get("/me")).status_code == 303


async def test_where_to_go_next_is_never_another_site(phone: Phone, official: str) -> None:
    done = await phone.sign_in_by_wechat(official, "?next=//evil.example/x")
    assert done.headers["location"] == f"{phone.base}/me"


async def test_wechat_being_down_is_said_on_the_sign_in_page(
    phone: Phone, official: str, services: Services, brand: BrandView
) -> None:
    _, state = await phone.depart()
    code = phone.code(official)
    phone.sandbox.break_it("down", provider="wechat", operation="sns.*", remaining=None)
    answer = await phone.come_back(code, state)

    assert answer.headers["location"].startswith(f"{phone.base}/sign-in?stay=1")
    assert await count(services, brand, "members_member") == 0


async def test_without_an_app_there_is_no_way_through_wechat(phone: Phone) -> None:
    assert (await phone.get("/sign-in/wechat")).status_code == 404
    page = await phone.get("/sign-in")
    assert page.status_code == 200
    assert "/sign-in/wechat" not in page.text


async def test_an_unknown_brand_has_no_sign_in_page(phone: Phone) -> None:
    answer = await phone.browser.get("/m/no-such-brand/sign-in", headers={"Accept": "text/html"})
    assert answer.status_code == 404


async def test_a_staff_session_is_no_customers_and_the_other_way_round(
    shop_app: Litestar, phone: Phone, official: str
) -> None:
    await phone.sign_in_by_wechat(official)
    token = phone.browser.cookies[COOKIE]
    async with make_client(shop_app, peer=address()) as browser:
        browser.cookies.set("yundian_session", token)
        as_staff = await browser.get("/v1/brand/policy")

    assert as_staff.status_code == 403


def _signs_in(answer: httpx.Response) -> bool:
    return any(each.startswith(f"{COOKIE}=yc_") for each in answer.headers.get_list("set-cookie"))
