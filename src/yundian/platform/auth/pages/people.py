"""The staff of the brand and the keys of other systems, on HQ's screen."""

import uuid
from collections.abc import Sequence
from typing import Annotated, Any

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Redirect, Template
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.auth import api_keys, service
from yundian.platform.auth.guards import requires
from yundian.platform.auth.ports import ShopNames
from yundian.platform.auth.schemas import GrantInput, KeyForm, PersonForm, PersonRename
from yundian.platform.auth.screen import SHOP_NAMES, check_known
from yundian.platform.auth.types import AccountStatus, NewPassword, PersonView
from yundian.platform.core.principal import Principal, Role
from yundian.platform.db.services import Services
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.lists import Cursor
from yundian.platform.web.pages import page, see_other

PEOPLE = "/hq/people"
KEYS = "/hq/keys"

hq_admins = requires(Role.HQ_ADMIN)

Search = Annotated[str, QueryParameter(max_length=120)]


class PeoplePages(Controller):
    """Accounts and roles, for HQ administrators."""

    path = PEOPLE
    include_in_schema = False
    guards = [hq_admins]  # noqa: RUF012  Litestar's way to guard a controller
    dependencies = SHOP_NAMES

    @get(name="auth.people")
    async def people(
        self,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        shop_names: NamedDependency[ShopNames],
        q: Search = "",
        status: FromQuery[str] = "",
        cursor: Cursor = None,
    ) -> Template:
        """Everybody, by the time they came."""
        wanted = AccountStatus(status) if status in list(AccountStatus) else None
        people = await service.list_people(
            session, keyring=services.keyring, brand_id=principal.brand, cursor=cursor, status=wanted, search=q
        )
        shops = await _shops(session, shop_names, people.items)
        return page("auth/people.html", people=people, shops=shops, q=q, status=Form.of(status=status))

    @get("/new", name="auth.people.new")
    async def new(self) -> Template:
        return page("auth/new_person.html", form=Form.of())

    @post("/new", name="auth.people.create", status_code=200)
    @idempotent
    async def create(
        self,
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Template:
        """Make an account and show its temporary password once."""
        form = await Form.read(request)
        async with form.attempt(session):
            values = form.parse(PersonForm)
            made = await service.create_account(
                session,
                keyring=services.keyring,
                brand_id=principal.brand,
                login=values.login,
                display_name=values.display_name,
                grants=values.grants(),
                actor_id=principal.id,
            )
        if form.failed:
            return page("auth/new_person.html", form=form, status_code=form.status)
        return _shown_once(made)

    @get("/audit", name="auth.people.audit")
    async def audit(
        self,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        cursor: Cursor = None,
    ) -> Template:
        """Who changed whose rights."""
        trail = await service.audit_trail(
            session, keyring=services.keyring, brand_id=principal.brand, cursor=cursor
        )
        return page("auth/audit.html", trail=trail)

    @get("/{account_id:uuid}", name="auth.person")
    async def person(
        self,
        account_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        shop_names: NamedDependency[ShopNames],
    ) -> Template:
        return await _person(session, services, principal, shop_names, account_id, None)

    @post("/{account_id:uuid}", name="auth.person.save", status_code=200)
    @idempotent
    async def save(
        self,
        account_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        shop_names: NamedDependency[ShopNames],
    ) -> Response[Any]:
        """Change the name."""
        form = await Form.read(request)
        async with form.attempt(session):
            values = form.parse(PersonRename)
            await service.rename(
                session, brand_id=principal.brand, account_id=account_id, display_name=values.display_name
            )
        return await _saved(session, services, principal, shop_names, account_id, form)

    @post("/{account_id:uuid}/grants", name="auth.person.grant", status_code=200)
    @idempotent
    async def grant(
        self,
        account_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        shop_names: NamedDependency[ShopNames],
    ) -> Response[Any]:
        """Give an HQ role; shop roles are given beside the shop."""
        form = await Form.read(request)
        async with form.attempt(session):
            grant = form.parse(GrantInput).grant()
            await check_known(session, shops=shop_names, grants=[grant])
            await service.grant_role(
                session,
                brand_id=principal.brand,
                account_id=account_id,
                grant=grant,
                actor_id=principal.id,
            )
        return await _saved(session, services, principal, shop_names, account_id, form)

    @post("/{account_id:uuid}/grants/remove", name="auth.person.remove_grant", status_code=200)
    @idempotent
    async def remove_grant(
        self,
        account_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        shop_names: NamedDependency[ShopNames],
    ) -> Response[Any]:
        form = await Form.read(request)
        async with form.attempt(session):
            await service.remove_role(
                session,
                brand_id=principal.brand,
                account_id=account_id,
                grant=form.parse(GrantInput).grant(),
                actor_id=principal.id,
            )
        return await _saved(session, services, principal, shop_names, account_id, form)

    @post("/{account_id:uuid}/revoke", name="auth.person.revoke", status_code=200)
    @idempotent
    async def revoke(
        self,
        account_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        shop_names: NamedDependency[ShopNames],
    ) -> Response[Any]:
        """Shut the account out at once."""
        form = await Form.read(request)
        async with form.attempt(session):
            await service.revoke_account(
                session, brand_id=principal.brand, account_id=account_id, actor_id=principal.id
            )
        return await _saved(session, services, principal, shop_names, account_id, form)

    @post("/{account_id:uuid}/restore", name="auth.person.restore", status_code=200)
    @idempotent
    async def restore(
        self,
        account_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Template:
        """Let the account in again, with a temporary password shown once."""
        made = await service.restore_account(
            session,
            keyring=services.keyring,
            brand_id=principal.brand,
            account_id=account_id,
            actor_id=principal.own_id,
        )
        return _shown_once(made)

    @post("/{account_id:uuid}/password", name="auth.person.password", status_code=200)
    @idempotent
    async def reset_password(
        self,
        account_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Template:
        """A temporary password, shown once."""
        made = await service.reset_password(
            session,
            keyring=services.keyring,
            brand_id=principal.brand,
            account_id=account_id,
            actor_id=principal.own_id,
        )
        return _shown_once(made)


class KeyPages(Controller):
    """Keys of other systems, for HQ administrators."""

    path = KEYS
    include_in_schema = False
    guards = [hq_admins]  # noqa: RUF012  Litestar's way to guard a controller

    @get(name="auth.keys")
    async def keys(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Template:
        keys = await api_keys.list_keys(session, brand_id=principal.brand)
        return page("auth/keys.html", keys=keys, form=Form.of())

    @post(name="auth.keys.create", status_code=200)
    @idempotent
    async def create(
        self,
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Template:
        """Make a key and show its text once."""
        form = await Form.read(request)
        async with form.attempt(session):
            values = form.parse(KeyForm)
            made = await api_keys.create_key(
                session,
                keyring=services.keyring,
                brand_id=principal.brand,
                name=values.name,
                scopes=values.scopes.split(),
                actor_id=principal.id,
            )
        if form.failed:
            keys = await api_keys.list_keys(session, brand_id=principal.brand)
            return page("auth/keys.html", keys=keys, form=form, status_code=form.status)
        return page("auth/new_key.html", key=made.key)

    @post("/{key_row_id:uuid}/revoke", name="auth.keys.revoke", status_code=303)
    @idempotent
    async def revoke(
        self,
        key_row_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Redirect:
        await api_keys.revoke_key(
            session,
            keyring=services.keyring,
            brand_id=principal.brand,
            id=key_row_id,
            actor_id=principal.id,
        )
        return see_other(KEYS, toast=_("The key is revoked."))


async def _person(
    session: AsyncSession,
    services: Services,
    principal: Principal,
    shop_names: ShopNames,
    account_id: uuid.UUID,
    form: Form | None,
) -> Template:
    person = await service.person(
        session, keyring=services.keyring, brand_id=principal.brand, account_id=account_id
    )
    trail = await service.audit_trail(
        session, keyring=services.keyring, brand_id=principal.brand, subject_id=account_id, limit=10
    )
    form = form or Form.of(person, "display_name")
    return page(
        "auth/person.html",
        person=person,
        shops=await _shops(session, shop_names, [person]),
        trail=trail.items,
        form=form,
        status_code=form.status,
    )


async def _saved(
    session: AsyncSession,
    services: Services,
    principal: Principal,
    shop_names: ShopNames,
    account_id: uuid.UUID,
    form: Form,
) -> Response[Any]:
    if form.failed:
        return await _person(session, services, principal, shop_names, account_id, form)
    return see_other(f"{PEOPLE}/{account_id}", toast=_("Saved."))


def _shown_once(made: NewPassword) -> Template:
    return page("auth/temporary_password.html", made=made)


async def _shops(
    session: AsyncSession, shop_names: ShopNames, people: Sequence[PersonView]
) -> dict[uuid.UUID, str]:
    ids = {grant.shop_id for person in people for grant in person.grants if grant.shop_id is not None}
    return await shop_names(session, ids=ids)
