"""The screens of people and rights, driven as a browser does: cookies, forms, what is shown once."""

import datetime as dt
import re

import httpx
import pyotp
import pytest

from tests.html_forms import fields_of, filled, submit
from tests.people import PASSWORD, Person, make_person, sign_in_as
from tests.stores.makers import make_shop
from yundian.brands.types import BrandView
from yundian.platform.auth.cookies import ended_cookie, session_cookie
from yundian.platform.auth.rules import safe_return_path
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Role
from yundian.platform.core.settings import Environment
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

HTML = {"Accept": "text/html"}
COOKIE = "yundian_session"


async def send(client: httpx.AsyncClient, page: str, having: str, action: str, **values: str) -> httpx.Response:
    """Fetch a page, fill in its form, send it."""
    shown = await client.get(page, headers=HTML)
    assert shown.status_code == 200, shown.text[:300]
    return await submit(client, action, filled(fields_of(shown.text, having=having), **values), headers={})


async def sign_in(
    client: httpx.AsyncClient, person: Person, password: str = PASSWORD, path: str = "/sign-in"
) -> httpx.Response:
    return await send(client, path, "password", "/sign-in", login=person.login, password=password)


async def press(client: httpx.AsyncClient, page: str, action: str, **fields: str) -> httpx.Response:
    """Press a button that is a form of its own."""
    shown = await client.get(page, headers=HTML)
    assert f'action="{action}"' in shown.text
    keys = [f for f in fields_of(shown.text, having="_csrf_token") if f[0] == "_csrf_token"]
    return await submit(client, action, [*keys, ("_idempotency_key", str(new_id())), *fields.items()], headers={})


async def test_signing_in_sets_a_cookie_for_this_site_only_and_leads_where_one_wanted_to_go(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    person = await make_person(services, brand.id, Role.HQ_ADMIN)
    first = await client.get("/hq/people?status=active", headers=HTML)

    done = await sign_in(client, person, path=first.headers["location"])
    shown = await client.get(done.headers["location"], headers=HTML)

    assert (first.status_code, first.headers["location"]) == (
        303,
        "/sign-in?next=%2Fhq%2Fpeople%3Fstatus%3Dactive",
    )
    assert (done.status_code, done.headers["location"]) == (303, "/hq/people?status=active")
    cookie = next(c for c in done.headers.get_list("set-cookie") if c.startswith(COOKIE))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert person.login in shown.text


def test_in_production_the_cookie_travels_over_tls_to_this_host_only(services: Services) -> None:
    settings = services.settings.model_copy(update={"environment": Environment.PRODUCTION})

    cookie = session_cookie(settings, token="t", ends_at=clock.now() + dt.timedelta(days=30))

    assert (cookie.key, cookie.secure, cookie.httponly, cookie.samesite) == (
        "__Host-yundian_session",
        True,
        True,
        "lax",
    )
    assert (cookie.path, cookie.domain) == ("/", None)
    assert ended_cookie(settings).max_age == 0


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\/evil",
        "javascript:alert(1)",
        "/a\nb",
        "x",
        "",
    ],
)
def test_a_sign_in_leads_to_no_other_site(path: str) -> None:
    assert safe_return_path(path) == "/"


async def test_a_wrong_password_is_said_without_saying_which_was_wrong_and_ten_lock(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    person = await make_person(services, brand.id, Role.HQ_ADMIN)

    answers = [await sign_in(client, person, "wrong password") for _ in range(11)]

    assert [a.status_code for a in answers] == [401] * 10 + [429]
    assert 'role="alert"' in answers[0].text
    assert f'value="{person.login}"' in answers[0].text
    assert "wrong password" not in answers[0].text.replace("10 wrong", "")
    assert COOKIE not in "".join(answers[-1].headers.get_list("set-cookie"))


async def test_a_cookie_of_a_revoked_session_leads_to_the_sign_in_page(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    person = await make_person(services, brand.id, Role.HQ_ADMIN)
    await sign_in(client, person)
    token = client.cookies[COOKIE]
    out = await press(client, "/account", "/sign-out")
    client.cookies.set(COOKIE, token)

    again = await client.get("/hq/people", headers=HTML)
    api = await client.get("/v1/me")

    assert (out.status_code, out.headers["location"]) == (303, "/sign-in")
    assert (again.status_code, again.headers["location"]) == (303, "/sign-in?next=%2Fhq%2Fpeople")
    assert (api.status_code, api.json()["code"]) == (401, "auth.not_authenticated")


async def test_a_form_without_its_token_is_refused(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    person = await make_person(services, brand.id, Role.HQ_ADMIN)
    await sign_in(client, person)

    forged = await client.post("/account/sessions/end", headers=HTML)

    assert forged.status_code == 403
    assert (await client.get("/account", headers=HTML)).status_code == 200


async def test_two_steps_are_set_up_with_a_qr_code_and_asked_for_at_the_next_sign_in(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    person = await make_person(services, brand.id, Role.HQ_ADMIN)
    await sign_in(client, person)
    await press(client, "/account/two-step", "/account/two-step")
    shown = await client.get("/account/two-step", headers=HTML)
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", shown.text)
    assert secret is not None
    app = pyotp.TOTP(secret[1])
    assert "<svg" in shown.text
    assert "style=" not in shown.text
    assert shown.headers["cache-control"] == "no-store"

    wrong = await send(client, "/account/two-step", "code", "/account/two-step/confirm", code="000000")
    early = app.at(clock.now() - dt.timedelta(seconds=30))
    codes = await send(client, "/account/two-step", "code", "/account/two-step/confirm", code=early)
    await press(client, "/account", "/sign-out")
    asked = await sign_in(client, person)
    step = fields_of(asked.text, having="code")
    refused = await submit(client, "/sign-in/code", filled(step, code=early), headers={})
    done = await submit(client, "/sign-in/code", filled(step, code=app.at(clock.now())), headers={})

    assert (wrong.status_code, codes.status_code) == (400, 200)
    assert "<svg" in wrong.text
    assert len(re.findall(r"<code>[2-9A-Z]{5}-[2-9A-Z]{5}</code>", codes.text)) == 10
    assert (asked.status_code, refused.status_code) == (200, 401)
    assert (done.status_code, done.headers["location"]) == (303, "/")
    off = await send(
        client, "/account/two-step", "current_password", "/account/two-step/off", current_password="not it"
    )
    assert off.status_code == 400
    off = await send(
        client, "/account/two-step", "current_password", "/account/two-step/off", current_password=PASSWORD
    )
    assert (off.status_code, off.headers["location"]) == (303, "/account")


async def test_hq_makes_a_person_whose_password_is_shown_once_and_who_must_choose_her_own(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    admin = await make_person(services, brand.id, Role.HQ_ADMIN)
    await sign_in(client, admin)
    login = f"li-{brand.code}"

    made = await send(
        client, "/hq/people/new", "login", "/hq/people/new", login=login, display_name="李娜", role="hq_analyst"
    )
    taken = await send(client, "/hq/people/new", "login", "/hq/people/new", login=login, display_name="x")
    bad = await send(client, "/hq/people/new", "login", "/hq/people/new", login="a b;", display_name="x")
    shown = re.search(r"<code>([2-9A-Z-]{14})</code>", made.text)
    assert shown is not None
    await press(client, "/account", "/sign-out")
    li = Person(brand_id=brand.id, id=admin.id, login=login)
    entered = await sign_in(client, li, shown[1])
    elsewhere = await client.get("/hq/people", headers=HTML)
    mismatch = await send(
        client, "/account/password", "repeated", "/account/password",
        current_password=shown[1], new_password=PASSWORD, repeated="other",
    )  # fmt: skip
    changed = await send(
        client, "/account/password", "repeated", "/account/password",
        current_password=shown[1], new_password=PASSWORD, repeated=PASSWORD,
    )  # fmt: skip

    assert (made.status_code, made.headers["cache-control"]) == (200, "no-store")
    assert (taken.status_code, bad.status_code) == (409, 400)
    assert 'id="error-login"' in bad.text
    assert entered.headers["location"] == "/account/password"
    assert (elsewhere.status_code, elsewhere.headers.get("location")) == (303, "/account/password")
    assert mismatch.status_code == 400
    assert 'id="error-repeated"' in mismatch.text
    assert (changed.status_code, changed.headers["location"]) == (303, "/")
    home = await client.get("/", headers=HTML)
    assert home.headers["location"] == "/hq"


async def test_hq_edits_a_person_and_sees_what_was_done(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    admin = await make_person(services, brand.id, Role.HQ_ADMIN)
    person = await make_person(services, brand.id, Role.HQ_ANALYST)
    await sign_in(client, admin)
    here = f"/hq/people/{person.id}"

    renamed = await send(client, here, "display_name", here, display_name="王小云")
    promoted = await press(client, here, f"{here}/grants", role="hq_admin")
    removed = await press(client, here, f"{here}/grants/remove", role="hq_analyst", shop_id="")
    reset = await press(client, here, f"{here}/password")
    revoked = await press(client, here, f"{here}/revoke")
    shown = (await client.get(here, headers=HTML)).text
    restored = await press(client, here, f"{here}/restore")
    last = await press(client, f"/hq/people/{admin.id}", f"/hq/people/{admin.id}/revoke")
    audit = await client.get("/hq/people/audit", headers=HTML)
    found = await client.get("/hq/people?q=王小", headers=HTML)

    statuses = [a.status_code for a in (renamed, promoted, removed, reset, revoked, restored)]
    assert statuses == [303, 303, 303, 200, 303, 200]
    assert "王小云" in shown
    assert f"{here}/restore" in shown
    assert last.status_code == 303, "there are two administrators now"
    assert audit.status_code == 303, "who revoked herself is out at once"
    assert found.status_code == 303


async def test_the_last_admin_is_told_that_she_cannot_go(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    admin = await make_person(services, brand.id, Role.HQ_ADMIN)
    await sign_in(client, admin)
    here = f"/hq/people/{admin.id}"

    refused = await press(client, here, f"{here}/revoke")
    audit = await client.get("/hq/people/audit", headers=HTML)

    assert refused.status_code == 409
    assert 'role="alert"' in refused.text
    assert audit.status_code == 200


async def test_a_key_is_shown_once_and_revoked(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    admin = await make_person(services, brand.id, Role.HQ_ADMIN)
    await sign_in(client, admin)

    bad = await send(client, "/hq/keys", "scopes", "/hq/keys", name="Till", scopes="everything")
    made = await send(client, "/hq/keys", "scopes", "/hq/keys", name="Till", scopes="orders:write orders:read")
    listed = (await client.get("/hq/keys", headers=HTML)).text
    action = re.search(r'action="(/hq/keys/[0-9a-f-]+/revoke)"', listed)
    assert action is not None
    revoked = await press(client, "/hq/keys", action[1])
    after = (await client.get("/hq/keys", headers=HTML)).text

    key = re.search(r"<code>(yk_[A-Z2-9]{16}\.[\w-]{43})</code>", made.text)
    assert key is not None
    assert (bad.status_code, made.status_code, revoked.status_code) == (400, 200, 303)
    assert key[1] not in listed
    assert action[1] not in after


async def test_an_owner_adds_and_removes_staff_in_the_panel_of_her_shop(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    shop = (await make_shop(services, brand)).id
    owner = await make_person(services, brand.id, Role.SHOP_OWNER, shop_id=shop)
    await sign_in(client, owner)
    panel = f"/shop-people/{shop}"

    added = await send(client, panel, "display_name", panel, display_name="小陈", login=f"chen-{brand.code}")
    again = await send(client, panel, "display_name", panel, display_name="小陈", login="x")
    action = re.search(rf'action="({panel}/[0-9a-f-]+/remove)"', added.text)
    assert action is not None
    removed = await press(client, panel, action[1], role="shop_staff")
    other = await client.get(f"/shop-people/{new_id()}", headers=HTML)

    assert added.status_code == 200
    assert re.search(r"<code>[2-9A-Z-]{14}</code>", added.text)
    assert str(owner.id) not in added.text, "an owner cannot remove herself"
    assert again.status_code == 400
    assert (removed.status_code, f"chen-{brand.code}" in removed.text) == (200, False)
    assert other.status_code == 404


@pytest.mark.parametrize("language", ["zh_CN", "en"])
async def test_every_screen_renders_in_both_languages(
    client: httpx.AsyncClient, services: Services, brand: BrandView, language: str
) -> None:
    admin = await sign_in_as(services, brand.id, Role.HQ_ADMIN)
    client.cookies.set("locale", language)
    pages = ["/sign-in", "/account", "/account/password", "/account/two-step", "/hq/people", "/hq/people/new",
             "/hq/people/audit", f"/hq/people/{admin.id}", "/hq/people?q=nobody-there", "/hq/keys"]  # fmt: skip

    for path in pages:
        headers = HTML if path == "/sign-in" else {**HTML, **admin.headers}
        shown = await client.get(path, headers=headers)

        assert shown.status_code == 200, path
        assert f'lang="{language.replace("_", "-")}"' in shown.text
        assert "style=" not in shown.text, path
