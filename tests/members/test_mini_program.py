"""The mini program's code for a session, and its API."""

import httpx
import pytest

from tests.members.conftest import Phone
from tests.members.makers import count, make_customer, set_up_app
from tests.sandbox.running import RunningSandbox
from yundian.brands.types import BrandView
from yundian.members.types import AppKind
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio


async def sign_in(phone: Phone, app_id: str, *, user_id: int = 1) -> httpx.Response:
    code = phone.code(app_id, purpose="mini", user_id=user_id)
    return await phone.browser.post("/v1/mini-sessions", json={"app_id": app_id, "code": code})


async def test_a_code_becomes_a_session_and_a_phone_is_handed_over(
    phone: Phone, mini: str, services: Services, brand: BrandView
) -> None:
    done = await sign_in(phone, mini, user_id=2)
    headers = {"Authorization": f"Bearer {done.json()['token']}"}
    handed = await phone.browser.post(
        "/v1/member/phone",
        json={"app_id": mini, "code": phone.code(mini, purpose="phone", user_id=2)},
        headers=headers,
    )
    agreed = await phone.browser.post("/v1/member/agreement", headers=headers)
    own = await phone.browser.get("/v1/member", headers=headers)

    assert done.status_code == 201
    assert (handed.status_code, handed.json()["phone"]) == (200, "199****0002")
    assert agreed.json()["has_agreed"] is True
    assert own.json()["joined_via"] == "mini_program"
    assert await count(services, brand, "members_identity") == 3

    assert (await phone.browser.post("/v1/member/sign-out", headers=headers)).status_code == 204
    assert (await phone.browser.get("/v1/member", headers=headers)).status_code == 401


async def test_one_person_in_both_apps_is_one_member(
    phone: Phone, mini: str, official: str, services: Services, brand: BrandView
) -> None:
    await sign_in(phone, mini, user_id=3)
    await phone.sign_in_by_wechat(official, "?scope=snsapi_userinfo", scope="snsapi_userinfo", user_id=3)

    assert await count(services, brand, "members_member") == 1
    assert await count(services, brand, "members_identity") == 3


async def test_a_used_code_an_unknown_app_and_the_official_accounts_id_are_refused(
    phone: Phone, mini: str, official: str
) -> None:
    code = phone.code(mini, purpose="mini")
    for app_id, text, status in (
        (mini, code, 201),
        (mini, code, 400),
        ("wx00000000000000ff", code, 404),
        (official, phone.code(official), 404),
    ):
        answer = await phone.browser.post("/v1/mini-sessions", json={"app_id": app_id, "code": text})
        assert answer.status_code == status, answer.text


async def test_another_brands_mini_program_hands_over_no_phone(
    phone: Phone, services: Services, brand: BrandView, other_brand: BrandView, sandbox: RunningSandbox
) -> None:
    customer = await make_customer(services, brand)
    foreign = await set_up_app(services, other_brand, sandbox, AppKind.MINI)
    answer = await phone.browser.post(
        "/v1/member/phone",
        json={"app_id": foreign, "code": phone.code(foreign, purpose="phone")},
        headers=customer.headers,
    )

    assert answer.status_code == 404
