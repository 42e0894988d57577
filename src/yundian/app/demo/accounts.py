"""The demo brand's accounts at the sandbox: where customers sign in by WeChat, and where they pay."""

import uuid

from yundian.app.sandbox import Credentials
from yundian.members.service import apps
from yundian.members.types import AppKind, WeChatAppFields
from yundian.payments.errors import AccountTaken
from yundian.payments.service import accounts
from yundian.payments.states import AccountStatus
from yundian.payments.types import AlipayAccount, ProviderAccount, WeChatPayAccount
from yundian.platform.db.services import Services

_LABEL = "Sandbox"


async def ensure_accounts(services: Services, brand_id: uuid.UUID, known: Credentials) -> None:
    """The sandbox's apps and merchants as its credentials name them now; what is so already is not touched."""
    await _ensure_app(services, brand_id, AppKind.OFFICIAL, known.official)
    await _ensure_app(services, brand_id, AppKind.MINI, known.mini)
    for wanted in _merchants(services.settings.wechat_url, known):
        await _ensure_merchant(services, brand_id, wanted)


def _merchants(wechat_url: str, known: Credentials) -> list[ProviderAccount]:
    return [
        WeChatPayAccount(
            app_id=known.official["appid"],
            merchant_id=known.merchant["mch_id"],
            api_key=known.merchant["api_key"],
            gateway_url=wechat_url,
        ),
        AlipayAccount(
            app_id=known.alipay["app_id"],
            merchant_id=known.alipay["seller_id"],
            private_key=known.alipay["app_private_key_pkcs8"],
            alipay_public_key=known.alipay["alipay_public_key"],
            gateway_url=known.gateway_url,
        ),
    ]


async def _ensure_app(services: Services, brand_id: uuid.UUID, kind: AppKind, known: dict[str, str]) -> None:
    wanted = WeChatAppFields(
        app_id=known["appid"], secret=known["secret"], token=known["token"], aes_key=known["aes_key"]
    )
    found = await apps.app_of_brand(services.database, keyring=services.keyring, brand_id=brand_id, kind=kind)
    if found is not None and wanted == WeChatAppFields(
        app_id=found.app_id, secret=found.secret, token=found.token, aes_key=found.aes_key
    ):
        return
    async with services.database.unit_of_work(brand_id) as session:
        row = (await apps.list_apps(session, brand_id=brand_id)).get(kind)
        version = row.version if row else None
        await apps.save_app(
            session, keyring=services.keyring, brand_id=brand_id, kind=kind, fields=wanted, version=version
        )


async def _ensure_merchant(services: Services, brand_id: uuid.UUID, wanted: ProviderAccount) -> None:
    """With the keys of today. Where HQ set up a merchant of its own, that one stays the active one."""
    async with services.database.unit_of_work(brand_id) as session:
        views = [one for one in await accounts.list_accounts(session) if one.provider is wanted.provider]
        opened = await accounts.open_accounts(session, keyring=services.keyring, ids=[one.id for one in views])
        if wanted in opened.values():
            return
        for view in views:
            if view.status is AccountStatus.ACTIVE and _is_ours(opened[view.id]):
                await accounts.retire_account(session, account_id=view.id)
    try:
        async with services.database.unit_of_work(brand_id) as session:
            await accounts.add_account(
                session, keyring=services.keyring, settings=services.settings, label=_LABEL, account=wanted
            )
    except AccountTaken:
        return


def _is_ours(account: ProviderAccount) -> bool:
    """Whether it was one of a sandbox, and not of the provider."""
    return account.gateway_url != type(account).__dataclass_fields__["gateway_url"].default
