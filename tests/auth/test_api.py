"""The API of people and rights over HTTP: cookies, tokens, refusals, and what is never said or logged."""

import datetime as dt
import logging
from typing import Any

import httpx
import pyotp
import pytest
import structlog

from tests.people import PASSWORD, make_person, sign_in_again, sign_in_as
from tests.stores.makers import make_shop, shop_fields
from yundian.brands.types import BrandView
from yundian.platform.auth import api_keys
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio


async def sign_in(client: httpx.AsyncClient, login: str, password: str = PASSWORD, **more: str) -> httpx.Response:
    return await client.post("/v1/sessions", json={"login": login, "password": password, **more})


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_signing_in_gives_a_token_that_tells_who_one_is(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    shop = new_id()
    person = await make_person(services, brand.id, Role.SHOP_OWNER, shop_id=shop)

    answer = await sign_in(client, person.login)
    me = await client.get("/v1/me", headers=bearer(answer.json()["token"]))

    assert answer.status_code == 201
    assert "set-cookie" not in answer.headers
    assert me.json() == {
        "id": str(person.id),
        "brand_id": str(brand.id),
        "name": f"Person {person.login[-4:]}",
        "grants": [{"role": "shop_owner", "shop_id": str(shop)}],
        "must_change_password": False,
    }


@pytest.mark.parametrize("login", ["known", "unknown"])
async def test_a_refused_sign_in_says_the_same_for_known_and_unknown_logins(
    client: httpx.AsyncClient, services: Services, brand: BrandView, login: str
) -> None:
    person = await make_person(services, brand.id, Role.HQ_ANALYST)
    name = person.login if login == "known" else f"no-{person.login}"

    answers = [await sign_in(client, name, "wrong password") for _ in range(11)]

    assert [(a.status_code, a.json()["code"]) for a in answers] == [(401, "auth.wrong_credentials")] * 10 + [
        (429, "auth.locked")
    ]
    assert 800 < int(answers[-1].headers["Retry-After"]) <= 900
    assert person.login not in "".join(a.text for a in answers)


@pytest.mark.parametrize("header", ["Bearer nonsense", "Bearer", "Basic YTpi", "Bearer yk_AAAA.bbbb", "Bearer é"])
async def test_a_token_that_is_none_gets_a_401(client: httpx.AsyncClient, header: str) -> None:
    answer = await client.get("/v1/me", headers=[(b"Authorization", header.encode())])

    assert (answer.status_code, answer.json()["code"]) == (401, "auth.not_authenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_session_revoked_in_between_gets_a_401_with_its_next_request(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    admin = await sign_in_as(services, brand.id, Role.HQ_ADMIN)
    person = await sign_in_as(services, brand.id, Role.HQ_ANALYST)
    before = await client.get("/v1/me", headers=person.headers)

    revoked = await client.post(f"/v1/people/{person.id}/revoke", headers=admin.headers)
    after = await client.get("/v1/me", headers=person.headers)

    assert (before.status_code, revoked.status_code, after.status_code) == (200, 204, 401)


async def test_a_temporary_password_opens_nothing_but_choosing_ones_own(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    admin = await sign_in_as(services, brand.id, Role.HQ_ADMIN)
    body = {"login": f"li-{brand.code}", "display_name": "李娜", "grants": [{"role": "hq_admin"}]}
    made = (await client.post("/v1/people", json=body, headers=admin.headers)).json()
    token = (await sign_in(client, body["login"], made["temporary_password"])).json()["token"]  # type: ignore[arg-type]

    refused = await client.get("/v1/people", headers=bearer(token))
    weak = await client.put(
        "/v1/me/password",
        json={"current_password": made["temporary_password"], "new_password": "short"},
        headers=bearer(token),
    )
    wrong = await client.put(
        "/v1/me/password", json={"current_password": "wrong", "new_password": PASSWORD}, headers=bearer(token)
    )
    changed = await client.put(
        "/v1/me/password",
        json={"current_password": made["temporary_password"], "new_password": PASSWORD},
        headers=bearer(token),
    )
    allowed = await client.get("/v1/people", headers=bearer(token))

    assert (refused.status_code, refused.json()["code"]) == (403, "auth.password_change_required")
    assert [e["field"] for e in weak.json()["errors"]] == ["new_password"]
    assert [e["field"] for e in wrong.json()["errors"]] == ["current_password"]
    assert (changed.status_code, allowed.status_code) == (204, 200)


async def test_two_step_sign_in_over_the_api(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    person = await sign_in_as(services, brand.id, Role.HQ_ADMIN)
    secret = (await client.post("/v1/me/second-factor", headers=person.headers)).json()["secret"]
    app = pyotp.TOTP(secret)
    wrong = await client.post("/v1/me/second-factor/confirm", json={"code": "000000"}, headers=person.headers)
    early = app.at(clock.now() - dt.timedelta(seconds=30))
    on = await client.post("/v1/me/second-factor/confirm", json={"code": early}, headers=person.headers)

    wanted = await sign_in(client, person.login)
    replayed = await sign_in(client, person.login, code=early)
    ticket = wanted.json()["facts"]["ticket"]
    done = await client.post("/v1/sessions/code", json={"ticket": ticket, "code": app.at(clock.now())})
    off = await client.post(
        "/v1/me/second-factor/off",
        json={"current_password": PASSWORD},
        headers=bearer(done.json()["token"]),
    )

    assert wrong.status_code == 400
    assert len(on.json()["recovery_codes"]) == 10
    assert (wanted.status_code, wanted.json()["code"]) == (401, "auth.code_required")
    assert (replayed.status_code, replayed.json()["code"]) == (401, "auth.wrong_credentials")
    assert (done.status_code, off.status_code) == (201, 204)
    assert (await sign_in(client, person.login)).status_code == 201


async def test_ones_own_sessions_are_listed_and_ended(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    here = await sign_in_as(services, brand.id, Role.HQ_ANALYST)
    there = await sign_in_again(services, here)
    listed = (await client.get("/v1/sessions", headers=here.headers)).json()
    other = next(s["id"] for s in listed if not s["is_current"])

    ended = await client.delete(f"/v1/sessions/{other}", headers=here.headers)
    again = await client.delete(f"/v1/sessions/{other}", headers=here.headers)
    there_after = await client.get("/v1/me", headers=there.headers)
    everywhere = await client.delete("/v1/sessions", headers=here.headers)

    assert len(listed) == 2
    assert (ended.status_code, again.status_code, there_after.status_code) == (204, 404, 401)
    assert everywhere.status_code == 204
    assert (await client.get("/v1/me", headers=here.headers)).status_code == 401


async def test_an_owner_manages_the_staff_of_her_own_shop_and_nothing_else(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    shop = (await make_shop(services, brand, fields=shop_fields("A"))).id
    other_shop = (await make_shop(services, brand, fields=shop_fields("B"))).id
    owner = await sign_in_as(services, brand.id, Role.SHOP_OWNER, shop_id=shop)
    theirs = await make_person(services, brand.id, Role.SHOP_STAFF, shop_id=other_shop)
    body = {"login": f"staff-{brand.code}", "display_name": "小陈"}

    added = await client.post(f"/v1/shop-people/{shop}", json=body, headers=owner.headers)
    promoted = await client.post(
        f"/v1/shop-people/{shop}", json={**body, "role": "shop_owner"}, headers=owner.headers
    )
    hq = await client.post(f"/v1/shop-people/{shop}", json={**body, "role": "hq_admin"}, headers=owner.headers)
    foreign = [
        await client.get(f"/v1/shop-people/{other_shop}", headers=owner.headers),
        await client.post(f"/v1/shop-people/{other_shop}", json=body, headers=owner.headers),
        await client.delete(f"/v1/shop-people/{other_shop}/{theirs.id}/shop_staff", headers=owner.headers),
        await client.delete(f"/v1/shop-people/{shop}/{theirs.id}/shop_staff", headers=owner.headers),
    ]
    listed = (await client.get(f"/v1/shop-people/{shop}", headers=owner.headers)).json()
    new_one = added.json()["account_id"]
    removed = await client.delete(f"/v1/shop-people/{shop}/{new_one}/shop_staff", headers=owner.headers)
    self_removed = await client.delete(f"/v1/shop-people/{shop}/{owner.id}/shop_owner", headers=owner.headers)

    assert (added.status_code, promoted.status_code, hq.status_code) == (201, 403, 403)
    assert [answer.status_code for answer in foreign] == [404] * 4
    assert [(p["id"], p["role"]) for p in listed] == [(str(owner.id), "shop_owner"), (new_one, "shop_staff")]
    assert (removed.status_code, self_removed.status_code) == (204, 403)


async def test_creating_a_person_twice_with_one_key_gives_one_account_and_one_password(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    admin = await sign_in_as(services, brand.id, Role.HQ_ADMIN)
    body = {"login": f"once-{brand.code}", "display_name": "Once"}
    headers = {**admin.headers, "Idempotency-Key": "once"}

    first = await client.post("/v1/people", json=body, headers=headers)
    second = await client.post("/v1/people", json=body, headers=headers)

    assert (first.status_code, first.json()) == (201, second.json())
    assert second.headers["Idempotent-Replayed"] == "true"


async def test_the_last_admin_can_neither_revoke_herself_nor_drop_her_role(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    admin = await sign_in_as(services, brand.id, Role.HQ_ADMIN)

    revoked = await client.post(f"/v1/people/{admin.id}/revoke", headers=admin.headers)
    dropped = await client.delete(f"/v1/people/{admin.id}/grants/hq_admin", headers=admin.headers)

    assert [(a.status_code, a.json()["code"]) for a in (revoked, dropped)] == [(409, "auth.last_admin")] * 2
    assert (await client.get("/v1/people", headers=admin.headers)).status_code == 200


async def test_another_brands_person_is_unknown(
    client: httpx.AsyncClient, services: Services, brand: BrandView, other_brand: BrandView
) -> None:
    admin = await sign_in_as(services, brand.id, Role.HQ_ADMIN)
    stranger = await make_person(services, other_brand.id, Role.HQ_ADMIN)

    answers = [
        await client.get(f"/v1/people/{stranger.id}", headers=admin.headers),
        await client.post(f"/v1/people/{stranger.id}/password", headers=admin.headers),
        await client.post(f"/v1/people/{stranger.id}/revoke", headers=admin.headers),
        await client.post(f"/v1/people/{stranger.id}/grants", json={"role": "hq_analyst"}, headers=admin.headers),
    ]

    assert [(a.status_code, a.json()["code"]) for a in answers] == [(404, "core.not_found")] * 4
    assert (await sign_in_again(services, stranger)).token


async def test_an_api_key_without_the_scope_or_the_role_is_forbidden(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    async with services.database.unit_of_work(brand.id) as session:
        key = await api_keys.create_key(
            session,
            keyring=services.keyring,
            brand_id=brand.id,
            name="Till",
            scopes=["orders:write"],
            actor_id=None,
        )

    answers = [
        await client.get(path, headers=bearer(key.key)) for path in ("/v1/me", "/v1/people", "/v1/api-keys")
    ]

    assert [(a.status_code, a.json()["code"]) for a in answers] == [(403, "auth.forbidden")] * 3


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"login": "x"}, "password"),
        ({"login": "", "password": "x"}, "login"),
        ({"login": "x", "password": "y" * 129}, "password"),
        ({"login": "x", "password": "y", "extra": 1}, "extra"),
        ({"login": 1, "password": "y"}, "login"),
    ],
)
async def test_a_wrong_field_of_a_sign_in_is_named(
    client: httpx.AsyncClient, body: dict[str, Any], field: str
) -> None:
    answer = await client.post("/v1/sessions", json=body)

    assert (answer.status_code, [e["field"] for e in answer.json()["errors"]]) == (400, [field])


@pytest.mark.parametrize("login", ["\x00\x01admin", "a\u202eb", "' OR 1=1 --", "🧨" * 30])
async def test_a_hostile_login_is_wrong_credentials_and_nothing_worse(
    client: httpx.AsyncClient, login: str
) -> None:
    answer = await sign_in(client, login, "p\x00q")

    assert (answer.status_code, answer.json()["code"]) == (401, "auth.wrong_credentials")


async def test_logs_hold_no_password_token_login_or_code(
    client: httpx.AsyncClient, services: Services, brand: BrandView, caplog: pytest.LogCaptureFixture
) -> None:
    admin = await sign_in_as(services, brand.id, Role.HQ_ADMIN)
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as events:
        answer = await sign_in(client, admin.login)
        await sign_in(client, admin.login, "hunter2-hunter2")
        token = answer.json()["token"]
        made = await client.post(
            "/v1/people", json={"login": "13700137000", "display_name": "X"}, headers=bearer(token)
        )
        await client.get("/v1/me", headers=bearer(token))
        begun = (await client.post("/v1/me/second-factor", headers=bearer(token))).json()

    logged = repr(events) + caplog.text
    assert "auth_sign_in" in logged
    for secret in (
        admin.login, PASSWORD, "hunter2-hunter2", token, token.split(".")[1], "13700137000",
        made.json()["temporary_password"], begun["secret"],
    ):  # fmt: skip
        assert secret not in logged
