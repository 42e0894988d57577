"""HQ's people and keys, and the staff of a shop."""

import uuid
from typing import Annotated

from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.auth import api_keys, service
from yundian.platform.auth.errors import (
    AccountRevoked,
    LastAdmin,
    LoginTaken,
    RoleNotAllowed,
)
from yundian.platform.auth.guards import requires
from yundian.platform.auth.ports import ShopNames
from yundian.platform.auth.schemas import (
    ApiKeyCreate,
    GrantInput,
    PersonCreate,
    PersonRename,
    ShopPersonCreate,
)
from yundian.platform.auth.screen import SHOP_NAMES, check_known, check_shop
from yundian.platform.auth.types import (
    AccountStatus,
    ApiKeyView,
    AuditView,
    NewApiKey,
    NewPassword,
    PersonView,
    ShopPersonView,
)
from yundian.platform.core.principal import Grant, Principal, Role
from yundian.platform.db.paging import Page
from yundian.platform.db.services import Services
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.lists import Cursor, Limit
from yundian.platform.web.openapi import refusals

hq_admins = requires(Role.HQ_ADMIN)
shop_managers = requires(Role.HQ_ADMIN, Role.SHOP_OWNER)

Search = Annotated[str, QueryParameter(max_length=120, description="The start of a name, or a whole login")]


class PeopleController(Controller):
    """The staff of the brand, for HQ administrators."""

    path = "/people"
    guards = [hq_admins]  # noqa: RUF012  Litestar's way to guard a controller
    dependencies = SHOP_NAMES

    @get(operation_id="auth_list_people")
    async def list_people(
        self,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        status: FromQuery[AccountStatus | None] = None,
        search: Search = "",
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[PersonView]:
        """List staff accounts, oldest first."""
        return await service.list_people(
            session,
            keyring=services.keyring,
            brand_id=principal.brand,
            cursor=cursor,
            limit=limit,
            status=status,
            search=search,
        )

    @post(operation_id="auth_create_person", responses=refusals(LoginTaken, RoleNotAllowed))
    @idempotent
    async def create_person(
        self,
        data: JSONBody[PersonCreate],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        shop_names: NamedDependency[ShopNames],
    ) -> NewPassword:
        """Create a staff account; answers with its temporary password, which nobody can read again."""
        grants = [grant.grant() for grant in data.grants]
        await check_known(session, shops=shop_names, grants=grants)
        return await service.create_account(
            session,
            keyring=services.keyring,
            brand_id=principal.brand,
            login=data.login,
            display_name=data.display_name,
            grants=grants,
            actor_id=principal.id,
        )

    @get("/audit", operation_id="auth_list_audit")
    async def audit(
        self,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        subject_id: FromQuery[uuid.UUID | None] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[AuditView]:
        """Who changed whose rights, newest first."""
        return await service.audit_trail(
            session,
            keyring=services.keyring,
            brand_id=principal.brand,
            subject_id=subject_id,
            cursor=cursor,
            limit=limit,
        )

    @get("/{account_id:uuid}", operation_id="auth_get_person")
    async def person(
        self,
        account_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> PersonView:
        """Get one staff account."""
        return await service.person(
            session, keyring=services.keyring, brand_id=principal.brand, account_id=account_id
        )

    @put("/{account_id:uuid}/name", operation_id="auth_rename_person", status_code=204)
    async def rename(
        self,
        account_id: FromPath[uuid.UUID],
        data: JSONBody[PersonRename],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> None:
        """Change the name shown."""
        await service.rename(
            session, brand_id=principal.brand, account_id=account_id, display_name=data.display_name
        )

    @post(
        "/{account_id:uuid}/revoke",
        operation_id="auth_revoke_person",
        status_code=204,
        responses=refusals(LastAdmin),
    )
    async def revoke(
        self,
        account_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> None:
        """Shut an account out at once; its sessions end with their next request."""
        await service.revoke_account(
            session, brand_id=principal.brand, account_id=account_id, actor_id=principal.id
        )

    @post("/{account_id:uuid}/restore", operation_id="auth_restore_person")
    @idempotent
    async def restore(
        self,
        account_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> NewPassword:
        """Let a revoked account in again, with a new temporary password."""
        return await service.restore_account(
            session,
            keyring=services.keyring,
            brand_id=principal.brand,
            account_id=account_id,
            actor_id=principal.own_id,
        )

    @post(
        "/{account_id:uuid}/password",
        operation_id="auth_reset_password",
        responses=refusals(AccountRevoked),
    )
    @idempotent
    async def reset_password(
        self,
        account_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> NewPassword:
        """A new temporary password, for who forgot hers; ends her sessions and her two-step sign-in."""
        return await service.reset_password(
            session,
            keyring=services.keyring,
            brand_id=principal.brand,
            account_id=account_id,
            actor_id=principal.own_id,
        )

    @post(
        "/{account_id:uuid}/grants",
        operation_id="auth_grant_role",
        status_code=204,
        responses=refusals(RoleNotAllowed, AccountRevoked),
    )
    async def grant(
        self,
        account_id: FromPath[uuid.UUID],
        data: JSONBody[GrantInput],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        shop_names: NamedDependency[ShopNames],
    ) -> None:
        """Give a role; giving it again changes nothing."""
        await check_known(session, shops=shop_names, grants=[data.grant()])
        await service.grant_role(
            session,
            brand_id=principal.brand,
            account_id=account_id,
            grant=data.grant(),
            actor_id=principal.id,
        )

    @delete("/{account_id:uuid}/grants/{role:str}", operation_id="auth_remove_role", responses=refusals(LastAdmin))
    async def remove_role(
        self,
        account_id: FromPath[uuid.UUID],
        role: FromPath[Role],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        shop_id: FromQuery[uuid.UUID | None] = None,
    ) -> None:
        """Take a role away; shop roles name their shop."""
        await service.remove_role(
            session,
            brand_id=principal.brand,
            account_id=account_id,
            grant=Grant(role, shop_id),
            actor_id=principal.id,
        )


class ShopPeopleController(Controller):
    """The staff of one shop, for its owner and for HQ."""

    path = "/shop-people/{shop_id:uuid}"
    guards = [shop_managers]  # noqa: RUF012  Litestar's way to guard a controller
    dependencies = SHOP_NAMES

    @get(operation_id="auth_list_shop_people")
    async def list_people(
        self,
        shop_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        shop_names: NamedDependency[ShopNames],
    ) -> list[ShopPersonView]:
        """List who works for the shop, owners first."""
        await check_shop(session, shops=shop_names, principal=principal, shop_id=shop_id, role=Role.SHOP_STAFF)
        return await service.list_shop_people(
            session, keyring=services.keyring, brand_id=principal.brand, shop_id=shop_id
        )

    @post(operation_id="auth_add_shop_person", responses=refusals(LoginTaken, RoleNotAllowed, AccountRevoked))
    @idempotent
    async def add(
        self,
        shop_id: FromPath[uuid.UUID],
        data: JSONBody[ShopPersonCreate],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        shop_names: NamedDependency[ShopNames],
    ) -> NewPassword:
        """Let somebody work for the shop, with a new account if she has none; owners add staff, HQ also owners."""
        await check_shop(session, shops=shop_names, principal=principal, shop_id=shop_id, role=data.role)
        return await service.add_shop_person(
            session,
            keyring=services.keyring,
            brand_id=principal.brand,
            shop_id=shop_id,
            login=data.login,
            display_name=data.display_name,
            role=data.role,
            actor_id=principal.id,
        )

    @delete("/{account_id:uuid}/{role:str}", operation_id="auth_remove_shop_person")
    async def remove(
        self,
        shop_id: FromPath[uuid.UUID],
        account_id: FromPath[uuid.UUID],
        role: FromPath[Role],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        shop_names: NamedDependency[ShopNames],
    ) -> None:
        """Take a role of the shop away; owners remove staff, HQ also owners."""
        await check_shop(session, shops=shop_names, principal=principal, shop_id=shop_id, role=role)
        await service.remove_role(
            session,
            brand_id=principal.brand,
            account_id=account_id,
            grant=Grant(role, shop_id),
            actor_id=principal.id,
        )


class ApiKeyController(Controller):
    """Keys of other systems, for HQ administrators."""

    path = "/api-keys"
    guards = [hq_admins]  # noqa: RUF012  Litestar's way to guard a controller

    @get(operation_id="auth_list_api_keys")
    async def list_keys(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> list[ApiKeyView]:
        """List keys, newest first, without their secrets."""
        return await api_keys.list_keys(session, brand_id=principal.brand)

    @post(operation_id="auth_create_api_key")
    @idempotent
    async def create_key(
        self,
        data: JSONBody[ApiKeyCreate],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> NewApiKey:
        """Create a key for another system; its text is in this answer only."""
        return await api_keys.create_key(
            session,
            keyring=services.keyring,
            brand_id=principal.brand,
            name=data.name,
            scopes=data.scopes,
            actor_id=principal.id,
        )

    @delete("/{key_row_id:uuid}", operation_id="auth_revoke_api_key")
    async def revoke_key(
        self,
        key_row_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> None:
        """End a key at once and for good."""
        await api_keys.revoke_key(
            session,
            keyring=services.keyring,
            brand_id=principal.brand,
            id=key_row_id,
            actor_id=principal.id,
        )
