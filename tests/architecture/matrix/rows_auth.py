"""The matrix rows of people and rights."""

import datetime as dt
from typing import Any

import pyotp

from tests.architecture.matrix.cells import (
    ALL,
    HQ_ADMINS,
    OTHER_BRAND,
    PEOPLE,
    Actor,
    Build,
    Call,
    Caller,
    Row,
    World,
    get,
    send,
)
from tests.people import PASSWORD, make_person
from yundian.platform.auth import api_keys, second_factor
from yundian.platform.auth.types import Client
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id, readable_code
from yundian.platform.core.principal import Role

ADMINS = HQ_ADMINS | OTHER_BRAND
MANAGERS = frozenset({Actor.HQ_ADMIN, Actor.OWNER})
# An admin of another brand covers every shop of *her* brand: this shop is none of them, so she sees nobody in it.
NOT_HERS = frozenset({Actor.OTHER_OWNER})


def on_person(method: str, path: str, *, json: Any = None, form: dict[str, str] | None = None) -> Build:
    """A request about an analyst of the brand; ``{id}`` stands for her."""

    async def build(world: World, _caller: Caller) -> Call:
        person = await make_person(world.services, world.brand.id, Role.HQ_ANALYST)
        return Call(
            method=method, path=path.replace("{id}", str(person.id)), json=json, form=form, target=str(person.id)
        )

    return build


def on_revoked(method: str, path: str) -> Build:
    async def build(world: World, caller: Caller) -> Call:
        call = await on_person(method, path)(world, caller)
        async with world.services.database.connection(world.brand.id) as tx:
            await tx.execute(f"UPDATE auth_account SET status = 'revoked' WHERE id = '{call.target}'")
        return call

    return build


def on_shop_person(method: str, path: str, *, form: dict[str, str] | None = None) -> Build:
    """A request about somebody who works for the shop."""

    async def build(world: World, _caller: Caller) -> Call:
        person = await make_person(world.services, world.brand.id, Role.SHOP_STAFF, shop_id=world.shop_id)
        path_ = path.replace("{shop}", str(world.shop_id)).replace("{id}", str(person.id))
        return Call(method=method, path=path_, form=form, target=person.login)

    return build


def new_login(method: str, path: str, *, is_form: bool = False, **more: Any) -> Build:
    """A request that makes an account."""

    async def build(world: World, _caller: Caller) -> Call:
        body = {"login": f"new-{readable_code(10).lower()}", "display_name": "New", **more}
        sent: dict[str, Any] = {"form": body} if is_form else {"json": body}
        return Call(method=method, path=path.replace("{shop}", str(world.shop_id)), **sent)

    return build


def on_key(method: str, path: str) -> Build:
    async def build(world: World, _caller: Caller) -> Call:
        async with world.services.database.unit_of_work(world.brand.id) as session:
            key = await api_keys.create_key(
                session,
                keyring=world.services.keyring,
                brand_id=world.brand.id,
                name="Till",
                scopes=[],
                actor_id=None,
            )
        return Call(method=method, path=path.replace("{id}", str(key.id)), target=str(key.id))

    return build


def on_own_session(method: str, path: str) -> Build:
    async def build(_world: World, caller: Caller) -> Call:
        session = caller.person.session_id if caller.person else new_id()
        return Call(method=method, path=path.replace("{id}", str(session)), form={} if "account" in path else None)

    return build


def with_second_factor(method: str, path: str, *, is_on: bool, is_form: bool = False) -> Build:
    """A request of somebody who is setting her second factor up, or has it on."""

    async def build(world: World, caller: Caller) -> Call:
        code = "000000"
        if caller.person is not None:
            code = await _enrol(world, caller, is_on=is_on)
        body = {"current_password": PASSWORD} if is_on else {"code": code}
        sent: dict[str, Any] = {"form": body} if is_form else {"json": body}
        return Call(method=method, path=path, **sent)

    return build


async def _enrol(world: World, caller: Caller, *, is_on: bool) -> str:
    assert caller.person is not None
    brand_id, account_id, keyring = caller.person.brand_id, caller.person.id, world.services.keyring
    async with world.services.database.unit_of_work(brand_id) as session:
        begun = await second_factor.enrol(session, keyring=keyring, brand_id=brand_id, account_id=account_id)
        code = pyotp.TOTP(begun.secret).at(clock.now() - dt.timedelta(seconds=30))
        if is_on:
            await second_factor.confirm(
                session, keyring=keyring, brand_id=brand_id, account_id=account_id, code=code
            )
    return code


async def sign_in_call(world: World, _caller: Caller) -> Call:
    person = await make_person(world.services, world.brand.id)
    return Call(method="POST", path="/v1/sessions", json={"login": person.login, "password": PASSWORD})


async def sign_in_page_call(world: World, _caller: Caller) -> Call:
    person = await make_person(world.services, world.brand.id)
    return Call(method="POST", path="/sign-in", form={"login": person.login, "password": PASSWORD})


def second_step(path: str, *, is_form: bool = False) -> Build:
    """The second step of a sign-in that is under way."""

    async def build(world: World, _caller: Caller) -> Call:
        from yundian.platform.auth import sign_in  # noqa: PLC0415  the module, not its function
        from yundian.platform.auth.errors import CodeRequired  # noqa: PLC0415

        person = await make_person(world.services, world.brand.id)
        keyring, brand_id = world.services.keyring, world.brand.id
        async with world.services.database.unit_of_work(brand_id) as session:
            begun = await second_factor.enrol(session, keyring=keyring, brand_id=brand_id, account_id=person.id)
            app = pyotp.TOTP(begun.secret)
            early = app.at(clock.now() - dt.timedelta(seconds=30))
            await second_factor.confirm(
                session, keyring=keyring, brand_id=brand_id, account_id=person.id, code=early
            )
        ticket = ""
        try:
            await sign_in.sign_in(
                world.services.database,
                keyring=keyring,
                login=person.login,
                password=PASSWORD,
                code=None,
                client=Client(),
            )
        except CodeRequired as wanted:
            ticket = str(wanted.facts["ticket"])
        body = {"ticket": ticket, "code": app.at(clock.now())}
        sent: dict[str, Any] = {"form": body} if is_form else {"json": body}
        return Call(method="POST", path=path, **sent)

    return build


NEW_PASSWORD = {"current_password": PASSWORD, "new_password": "another good password"}

API: dict[str, Row] = {
    "auth_sign_in": Row(call=sign_in_call, may=ALL),
    "auth_confirm_code": Row(call=second_step("/v1/sessions/code"), may=ALL),
    "auth_list_sessions": Row(call=get("/v1/sessions"), may=PEOPLE),
    "auth_end_session": Row(call=on_own_session("DELETE", "/v1/sessions/{id}"), may=PEOPLE),
    "auth_sign_out_everywhere": Row(call=send("DELETE", "/v1/sessions"), may=PEOPLE, own_account=True),
    "auth_get_me": Row(call=get("/v1/me"), may=PEOPLE),
    "auth_change_password": Row(
        call=send("PUT", "/v1/me/password", json=NEW_PASSWORD), may=PEOPLE, own_account=True
    ),
    "auth_begin_second_factor": Row(call=send("POST", "/v1/me/second-factor"), may=PEOPLE, own_account=True),
    "auth_confirm_second_factor": Row(
        call=with_second_factor("POST", "/v1/me/second-factor/confirm", is_on=False), may=PEOPLE, own_account=True
    ),
    "auth_turn_off_second_factor": Row(
        call=with_second_factor("POST", "/v1/me/second-factor/off", is_on=True), may=PEOPLE, own_account=True
    ),
    "auth_list_people": Row(call=on_person("GET", "/v1/people"), may=ADMINS),
    "auth_create_person": Row(call=new_login("POST", "/v1/people"), may=ADMINS),
    "auth_list_audit": Row(call=on_person("GET", "/v1/people/audit"), may=ADMINS),
    "auth_get_person": Row(call=on_person("GET", "/v1/people/{id}"), may=HQ_ADMINS, unknown=OTHER_BRAND),
    "auth_rename_person": Row(
        call=on_person("PUT", "/v1/people/{id}/name", json={"display_name": "X"}),
        may=HQ_ADMINS,
        unknown=OTHER_BRAND,
    ),
    "auth_revoke_person": Row(
        call=on_person("POST", "/v1/people/{id}/revoke"), may=HQ_ADMINS, unknown=OTHER_BRAND
    ),
    "auth_restore_person": Row(
        call=on_revoked("POST", "/v1/people/{id}/restore"), may=HQ_ADMINS, unknown=OTHER_BRAND
    ),
    "auth_reset_password": Row(
        call=on_person("POST", "/v1/people/{id}/password"), may=HQ_ADMINS, unknown=OTHER_BRAND
    ),
    "auth_grant_role": Row(
        call=on_person("POST", "/v1/people/{id}/grants", json={"role": "hq_admin"}),
        may=HQ_ADMINS,
        unknown=OTHER_BRAND,
    ),
    "auth_remove_role": Row(
        call=on_person("DELETE", "/v1/people/{id}/grants/hq_analyst"), may=HQ_ADMINS, unknown=OTHER_BRAND
    ),
    "auth_list_shop_people": Row(
        call=on_shop_person("GET", "/v1/shop-people/{shop}"), may=MANAGERS, unknown=NOT_HERS | OTHER_BRAND
    ),
    "auth_add_shop_person": Row(
        call=new_login("POST", "/v1/shop-people/{shop}"), may=MANAGERS, unknown=NOT_HERS | OTHER_BRAND
    ),
    "auth_remove_shop_person": Row(
        call=on_shop_person("DELETE", "/v1/shop-people/{shop}/{id}/shop_staff"),
        may=MANAGERS,
        unknown=NOT_HERS | OTHER_BRAND,
    ),
    "auth_list_api_keys": Row(call=on_key("GET", "/v1/api-keys"), may=ADMINS),
    "auth_create_api_key": Row(call=send("POST", "/v1/api-keys", json={"name": "Till"}), may=ADMINS),
    "auth_revoke_api_key": Row(call=on_key("DELETE", "/v1/api-keys/{id}"), may=HQ_ADMINS, unknown=OTHER_BRAND),
}


def page(call: Build, may: frozenset[Actor], **more: Any) -> Row:
    return Row(call=call, may=may, is_page=True, **more)


PASSWORD_FORM = {**NEW_PASSWORD, "repeated": NEW_PASSWORD["new_password"]}

PAGES: dict[str, Row] = {
    "auth.sign_in": page(get("/sign-in"), ALL),
    "auth.sign_in.try": page(sign_in_page_call, ALL),
    "auth.sign_in.code": page(second_step("/sign-in/code", is_form=True), ALL),
    "auth.sign_out": page(send("POST", "/sign-out", form={}), ALL),
    "auth.account": page(get("/account"), PEOPLE),
    "auth.account.end_session": page(on_own_session("POST", "/account/sessions/{id}/end"), PEOPLE),
    "auth.account.end_sessions": page(send("POST", "/account/sessions/end", form={}), PEOPLE, own_account=True),
    "auth.password": page(get("/account/password"), PEOPLE),
    "auth.password.save": page(send("POST", "/account/password", form=PASSWORD_FORM), PEOPLE, own_account=True),
    "auth.two_step": page(get("/account/two-step"), PEOPLE),
    "auth.two_step.begin": page(send("POST", "/account/two-step", form={}), PEOPLE, own_account=True),
    "auth.two_step.confirm": page(
        with_second_factor("POST", "/account/two-step/confirm", is_on=False, is_form=True),
        PEOPLE,
        own_account=True,
    ),
    "auth.two_step.off": page(
        with_second_factor("POST", "/account/two-step/off", is_on=True, is_form=True), PEOPLE, own_account=True
    ),
    "auth.people": page(on_person("GET", "/hq/people"), ADMINS),
    "auth.people.new": page(get("/hq/people/new"), ADMINS),
    "auth.people.create": page(new_login("POST", "/hq/people/new", is_form=True), ADMINS),
    "auth.people.audit": page(on_person("GET", "/hq/people/audit"), ADMINS),
    "auth.person": page(on_person("GET", "/hq/people/{id}"), HQ_ADMINS, unknown=OTHER_BRAND),
    "auth.person.save": page(
        on_person("POST", "/hq/people/{id}", form={"display_name": "X"}), HQ_ADMINS, unknown=OTHER_BRAND
    ),
    "auth.person.grant": page(
        on_person("POST", "/hq/people/{id}/grants", form={"role": "hq_admin"}), HQ_ADMINS, unknown=OTHER_BRAND
    ),
    "auth.person.remove_grant": page(
        on_person("POST", "/hq/people/{id}/grants/remove", form={"role": "hq_analyst"}),
        HQ_ADMINS,
        unknown=OTHER_BRAND,
    ),
    "auth.person.revoke": page(
        on_person("POST", "/hq/people/{id}/revoke", form={}), HQ_ADMINS, unknown=OTHER_BRAND
    ),
    "auth.person.restore": page(on_revoked("POST", "/hq/people/{id}/restore"), HQ_ADMINS, unknown=OTHER_BRAND),
    "auth.person.password": page(
        on_person("POST", "/hq/people/{id}/password", form={}), HQ_ADMINS, unknown=OTHER_BRAND
    ),
    "auth.keys": page(on_key("GET", "/hq/keys"), ADMINS),
    "auth.keys.create": page(send("POST", "/hq/keys", form={"name": "Till"}), ADMINS),
    "auth.keys.revoke": page(on_key("POST", "/hq/keys/{id}/revoke"), HQ_ADMINS, unknown=OTHER_BRAND),
    "auth.shop_people": page(
        on_shop_person("GET", "/shop-people/{shop}"), MANAGERS, unknown=NOT_HERS | OTHER_BRAND
    ),
    "auth.shop_people.add": page(
        new_login("POST", "/shop-people/{shop}", is_form=True), MANAGERS, unknown=NOT_HERS | OTHER_BRAND
    ),
    "auth.shop_people.remove": page(
        on_shop_person("POST", "/shop-people/{shop}/{id}/remove", form={"role": "shop_staff"}),
        MANAGERS,
        unknown=NOT_HERS | OTHER_BRAND,
    ),
}

ROWS = API | PAGES
