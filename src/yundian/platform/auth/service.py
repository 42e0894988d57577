"""Accounts and their rights. Functions take the brand, since operators' commands work outside the row policies."""

import uuid
from collections.abc import Iterable, Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.auth import passwords, repository, rules
from yundian.platform.auth.errors import AccountRevoked, LastAdmin, LoginTaken, RoleNotAllowed
from yundian.platform.auth.models import Account, AuditEntry
from yundian.platform.auth.types import (
    AccountStatus,
    Action,
    AuditView,
    GrantView,
    NewPassword,
    PersonView,
    ShopPersonView,
)
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.errors import NotFound
from yundian.platform.core.ids import readable_code
from yundian.platform.core.principal import Grant, Role
from yundian.platform.db import directory
from yundian.platform.db.paging import Page, cut, decode_cursor

LOGIN = "login"


def login_hash(keyring: Keyring, login: str) -> bytes:
    """The keyed hash of a normalised login."""
    return keyring.blind_index(LOGIN, login)


def temporary_password() -> str:
    """About 59 bits in three groups that can be read out on the phone."""
    return "-".join(readable_code(4) for _ in range(3))


async def create_account(
    session: AsyncSession,
    *,
    keyring: Keyring,
    brand_id: uuid.UUID,
    login: str,
    display_name: str,
    grants: Iterable[Grant],
    actor_id: uuid.UUID | None,
    password: str | None = None,
) -> NewPassword:
    """Make a staff account. Without a password a temporary one is made, to be changed at the first sign-in.

    ``LoginTaken`` when anybody on this installation has the login; ``actor_id`` is null for the operator.
    """
    login, name = rules.checked_login(login), rules.checked_name(display_name)
    if password is not None:
        rules.check_password(password, login=login)
    wanted = set(grants)
    _check_grants(wanted)
    try:
        await directory.claim(session, keyring=keyring, kind=LOGIN, key=login, brand_id=brand_id)
    except directory.DirectoryTaken as error:
        raise LoginTaken from error

    temporary = None if password is not None else temporary_password()
    account = Account(
        brand_id=brand_id,
        login_hash=login_hash(keyring, login),
        login_sealed=keyring.encrypt(LOGIN, login),
        display_name=name,
        password_hash=await passwords.hashed(password or temporary or ""),
        must_change_password=temporary is not None,
    )
    session.add(account)
    await session.flush()
    _note(session, account, actor_id, Action.ACCOUNT_CREATED)
    for grant in wanted:
        await _grant(session, account, grant, actor_id)
    await session.flush()
    return NewPassword(account_id=account.id, login=login, temporary_password=temporary)


async def person(
    session: AsyncSession, *, keyring: Keyring, brand_id: uuid.UUID, account_id: uuid.UUID
) -> PersonView:
    account = _known(await repository.account(session, brand_id=brand_id, account_id=account_id))
    return (await _views(session, keyring, brand_id, [account]))[0]


async def list_people(
    session: AsyncSession,
    *,
    keyring: Keyring,
    brand_id: uuid.UUID,
    cursor: str | None = None,
    limit: int = 50,
    status: AccountStatus | None = None,
    search: str = "",
) -> Page[PersonView]:
    """A page of accounts, oldest first; ``search`` is the start of a name or a whole login."""
    rows = await repository.accounts(
        session,
        brand_id=brand_id,
        cursor=decode_cursor(cursor, (uuid.UUID,)) if cursor else None,
        limit=limit,
        status=status,
        search=search.strip(),
        login_hash=login_hash(keyring, rules.normalised_login(search)),
    )
    page, following = cut(rows, limit, lambda account: (account.id,))
    return Page(await _views(session, keyring, brand_id, page), following)


async def rename(session: AsyncSession, *, brand_id: uuid.UUID, account_id: uuid.UUID, display_name: str) -> None:
    account = _known(await repository.lock_account(session, brand_id=brand_id, account_id=account_id))
    account.display_name = rules.checked_name(display_name)
    await session.flush()


async def revoke_account(
    session: AsyncSession, *, brand_id: uuid.UUID, account_id: uuid.UUID, actor_id: uuid.UUID | None
) -> None:
    """Shut an account out at once; its grants stay for the day it is restored. ``LastAdmin`` guards the brand."""
    admins = await repository.lock_active_admins(session, brand_id=brand_id)
    account = _known(await repository.lock_account(session, brand_id=brand_id, account_id=account_id))
    if account.status is AccountStatus.REVOKED:
        return
    if admins == {account_id}:
        raise LastAdmin
    account.status = AccountStatus.REVOKED
    await repository.revoke_sessions(session, brand_id=brand_id, account_id=account_id)
    _note(session, account, actor_id, Action.ACCOUNT_REVOKED)
    await session.flush()


async def restore_account(
    session: AsyncSession, *, keyring: Keyring, brand_id: uuid.UUID, account_id: uuid.UUID, actor_id: uuid.UUID
) -> NewPassword:
    """Let a revoked account in again, with a new temporary password and without its second factor."""
    return await _new_password(session, keyring, brand_id, account_id, actor_id, Action.ACCOUNT_RESTORED)


async def reset_password(
    session: AsyncSession, *, keyring: Keyring, brand_id: uuid.UUID, account_id: uuid.UUID, actor_id: uuid.UUID
) -> NewPassword:
    """A temporary password, shown once; ends all sessions, lifts a lock and removes the second factor."""
    return await _new_password(session, keyring, brand_id, account_id, actor_id, Action.PASSWORD_RESET)


async def change_password(
    session: AsyncSession,
    *,
    keyring: Keyring,
    brand_id: uuid.UUID,
    account_id: uuid.UUID,
    session_id: uuid.UUID | None,
    new_password: str,
) -> None:
    """Choose one's own password; every other session ends. The caller has confirmed the current one."""
    account = _known(await repository.account(session, brand_id=brand_id, account_id=account_id))
    rules.check_password(new_password, login=keyring.decrypt(LOGIN, account.login_sealed))
    account.password_hash = await passwords.hashed(new_password)
    account.must_change_password = False
    await repository.revoke_sessions(session, brand_id=brand_id, account_id=account_id, but=session_id)
    _note(session, account, account_id, Action.PASSWORD_CHANGED)
    await session.flush()


async def grant_role(
    session: AsyncSession, *, brand_id: uuid.UUID, account_id: uuid.UUID, grant: Grant, actor_id: uuid.UUID | None
) -> None:
    """Give a role; giving it twice changes nothing."""
    _check_grants([grant])
    account = _known(await repository.lock_account(session, brand_id=brand_id, account_id=account_id))
    if account.status is AccountStatus.REVOKED:
        raise AccountRevoked
    await _grant(session, account, grant, actor_id)
    await session.flush()


async def remove_role(
    session: AsyncSession, *, brand_id: uuid.UUID, account_id: uuid.UUID, grant: Grant, actor_id: uuid.UUID | None
) -> None:
    """Take a role away; ``NotFound`` when the account does not have it, ``LastAdmin`` for the last one."""
    admins = await repository.lock_active_admins(session, brand_id=brand_id)
    account = _known(await repository.account(session, brand_id=brand_id, account_id=account_id))
    if not await repository.remove_grant(session, brand_id=brand_id, account_id=account_id, grant=grant):
        raise NotFound
    if grant.role is Role.HQ_ADMIN and admins == {account_id}:
        raise LastAdmin
    _note(session, account, actor_id, Action.ROLE_REMOVED, _told(grant))
    await session.flush()


async def list_shop_people(
    session: AsyncSession, *, keyring: Keyring, brand_id: uuid.UUID, shop_id: uuid.UUID
) -> list[ShopPersonView]:
    """Everybody who holds a role for the shop, owners first."""
    rows = await repository.accounts_of_shop(session, brand_id=brand_id, shop_id=shop_id)
    return [
        ShopPersonView(
            id=account.id,
            login=keyring.decrypt(LOGIN, account.login_sealed),
            display_name=account.display_name,
            status=account.status,
            role=grant.role,
            last_login_at=account.last_login_at,
        )
        for account, grant in rows
    ]


async def add_shop_person(
    session: AsyncSession,
    *,
    keyring: Keyring,
    brand_id: uuid.UUID,
    shop_id: uuid.UUID,
    login: str,
    display_name: str,
    role: Role,
    actor_id: uuid.UUID | None,
) -> NewPassword:
    """Give a role of one shop to the account with this login, made with a temporary password if there is none."""
    grant = Grant(role, shop_id)
    key = rules.checked_login(login)
    found = await repository.account_by_login(session, brand_id=brand_id, login_hash=login_hash(keyring, key))
    if found is None:
        return await create_account(
            session,
            keyring=keyring,
            brand_id=brand_id,
            login=login,
            display_name=display_name,
            grants=[grant],
            actor_id=actor_id,
        )
    await grant_role(session, brand_id=brand_id, account_id=found.id, grant=grant, actor_id=actor_id)
    return NewPassword(account_id=found.id, login=key, temporary_password=None)


async def audit_trail(
    session: AsyncSession,
    *,
    keyring: Keyring,
    brand_id: uuid.UUID,
    subject_id: uuid.UUID | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[AuditView]:
    """Who did what on whom, newest first."""
    rows = await repository.audit_entries(
        session,
        brand_id=brand_id,
        subject_id=subject_id,
        cursor=decode_cursor(cursor, (uuid.UUID,)) if cursor else None,
        limit=limit,
    )
    page, following = cut(rows, limit, lambda entry: (entry.id,))
    ids = {entry.subject_id for entry in page} | {entry.actor_id for entry in page if entry.actor_id}
    names = await repository.names_of(session, brand_id=brand_id, account_ids=ids)
    return Page([_audit_view(entry, names) for entry in page], following)


async def _new_password(
    session: AsyncSession,
    keyring: Keyring,
    brand_id: uuid.UUID,
    account_id: uuid.UUID,
    actor_id: uuid.UUID,
    action: Action,
) -> NewPassword:
    account = _known(await repository.lock_account(session, brand_id=brand_id, account_id=account_id))
    if account.status is AccountStatus.REVOKED and action is not Action.ACCOUNT_RESTORED:
        raise AccountRevoked
    temporary = temporary_password()
    account.password_hash = await passwords.hashed(temporary)
    account.must_change_password = True
    account.status = AccountStatus.ACTIVE
    account.is_totp_enabled, account.totp_sealed = False, None
    await repository.revoke_sessions(session, brand_id=brand_id, account_id=account_id)
    await repository.unlock(session, brand_id=brand_id, login_hash=account.login_hash)
    _note(session, account, actor_id, action)
    await session.flush()
    login = keyring.decrypt(LOGIN, account.login_sealed)
    return NewPassword(account_id=account_id, login=login, temporary_password=temporary)


async def _grant(session: AsyncSession, account: Account, grant: Grant, actor_id: uuid.UUID | None) -> None:
    if await repository.add_grant(session, brand_id=account.brand_id, account_id=account.id, grant=grant):
        _note(session, account, actor_id, Action.ROLE_GRANTED, _told(grant))


def _check_grants(grants: Iterable[Grant]) -> None:
    for grant in grants:
        if not rules.is_grantable(grant.role, has_shop=grant.shop_id is not None):
            raise RoleNotAllowed(role=grant.role.value)


def _known(account: Account | None) -> Account:
    if account is None:
        raise NotFound
    return account


def _note(
    session: AsyncSession, account: Account, actor_id: uuid.UUID | None, action: Action, detail: str = ""
) -> None:
    repository.note(
        session,
        brand_id=account.brand_id,
        actor_id=actor_id,
        action=action,
        subject_id=account.id,
        detail=detail,
    )


def _told(grant: Grant) -> str:
    return grant.role.value if grant.shop_id is None else f"{grant.role.value} {grant.shop_id}"


async def _views(
    session: AsyncSession, keyring: Keyring, brand_id: uuid.UUID, accounts: Sequence[Account]
) -> list[PersonView]:
    grants: dict[uuid.UUID, list[GrantView]] = {account.id: [] for account in accounts}
    for row in await repository.grants_of(session, brand_id=brand_id, account_ids=list(grants)):
        grants[row.account_id].append(GrantView(role=row.role, shop_id=row.shop_id))
    return [
        PersonView(
            id=account.id,
            login=keyring.decrypt(LOGIN, account.login_sealed),
            display_name=account.display_name,
            status=account.status,
            must_change_password=account.must_change_password,
            has_second_factor=account.is_totp_enabled,
            last_login_at=account.last_login_at,
            created_at=account.created_at,
            grants=grants[account.id],
        )
        for account in accounts
    ]


def _audit_view(entry: AuditEntry, names: dict[uuid.UUID, str]) -> AuditView:
    return AuditView(
        id=entry.id,
        at=entry.created_at,
        action=entry.action,
        detail=entry.detail,
        subject_id=entry.subject_id,
        subject=names.get(entry.subject_id, ""),
        actor=names.get(entry.actor_id) if entry.actor_id else None,
    )
