"""Merchants' accounts: set up, opened for a call, retired."""

import uuid
from collections.abc import Collection

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.payments.errors import AccountTaken, AccountUnknown
from yundian.payments.repository import accounts as repository
from yundian.payments.states import AccountStatus
from yundian.payments.types import AccountView, AlipayAccount, Provider, ProviderAccount, WeChatPayAccount
from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.errors import InvalidInput
from yundian.platform.core.ids import new_id
from yundian.platform.core.settings import Settings
from yundian.platform.db import directory
from yundian.platform.db.conflicts import conflicts
from yundian.platform.outbox.door import Door, brand_of

DIRECTORY_KIND = "payments_account"
_PURPOSE = "payments.account"
_TYPES: dict[Provider, type[WeChatPayAccount] | type[AlipayAccount]] = {
    Provider.WECHAT: WeChatPayAccount,
    Provider.ALIPAY: AlipayAccount,
}


async def add_account(
    session: AsyncSession, *, keyring: Keyring, settings: Settings, label: str, account: ProviderAccount
) -> AccountView:
    """Take payments through this account from now on, or with these keys if it is known.

    Raises:
        AccountTaken: another brand's account, or another one of this provider is active.
    """
    check_gateway(settings, account)
    view = AccountView(
        id=new_id(),
        provider=account.provider,
        label=label,
        app_id=account.app_id,
        merchant_id=account.merchant_id,
        status=AccountStatus.ACTIVE,
        created_at=clock.now(),
    )
    await _claim(session, keyring, account)
    async with conflicts({"ix_payments_account_active": AccountTaken()}):
        found = await repository.save_account(session, view=view, sealed=_seal(keyring, account))
    return msgspec.structs.replace(view, id=found)


async def _claim(session: AsyncSession, keyring: Keyring, account: ProviderAccount) -> None:
    """Let notices of this merchant find the brand."""
    brand_id, key = brand_of(session), directory_key(account)
    owner = await directory.find_brand(session, keyring=keyring, kind=DIRECTORY_KIND, key=key)
    if owner == brand_id:
        return
    try:
        await directory.claim(session, keyring=keyring, kind=DIRECTORY_KIND, key=key, brand_id=brand_id)
    except directory.DirectoryTaken as error:
        raise AccountTaken from error


async def retire_account(session: AsyncSession, *, account_id: uuid.UUID) -> None:
    """No new payments through it; what is under way goes on."""
    if not await repository.retire(session, account_id=account_id):
        raise AccountUnknown


async def list_accounts(session: AsyncSession) -> list[AccountView]:
    return await repository.accounts(session)


def check_gateway(settings: Settings, account: ProviderAccount) -> None:
    """In production only the provider's own host is called: anything else would reach into our network."""
    own = type(account).__dataclass_fields__["gateway_url"].default
    if settings.is_production and account.gateway_url != own:
        raise InvalidInput("gateway_url", "Only the provider's own address")


def directory_key(account: ProviderAccount) -> str:
    return f"{account.provider.value}:{account.merchant_id}:{account.app_id}"


async def open_accounts(
    door: Door, *, keyring: Keyring, ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, ProviderAccount]:
    """The accounts with their keys, for calls that follow. One statement."""
    sealed = await repository.sealed_accounts(door, ids=sorted(set(ids))) if ids else {}
    return {key: _open(keyring, provider, text) for key, (provider, text) in sealed.items()}


def _seal(keyring: Keyring, account: ProviderAccount) -> bytes:
    return keyring.encrypt(_PURPOSE, msgspec.json.encode(account).decode())


def _open(keyring: Keyring, provider: Provider, sealed: bytes) -> ProviderAccount:
    return msgspec.json.decode(keyring.decrypt(_PURPOSE, sealed), type=_TYPES[provider])
