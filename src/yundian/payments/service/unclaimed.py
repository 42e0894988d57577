"""Notices for accounts that we do not know: looked at, and given to the account they are for, by the operator."""

import re
import uuid
from urllib.parse import parse_qsl

from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.payments.errors import AccountUnknown, NoticeUnknown
from yundian.payments.ports import Providers
from yundian.payments.repository import accounts as account_rows
from yundian.payments.repository import unclaimed as repository
from yundian.payments.service import notices
from yundian.payments.service.accounts import open_accounts
from yundian.payments.types import AccountView, Provider, UnclaimedView
from yundian.platform.core.crypto import Keyring
from yundian.platform.db.database import Database, Tx

# What tells whose it is. The payer is not among them.
_TELLING = (
    *(
        "mch_id",
        "appid",
        "out_trade_no",
        "transaction_id",
        "out_refund_no",
        "total_fee",
        "time_end",
        "return_code",
    ),
    *("seller_id", "app_id", "trade_no", "total_amount", "gmt_payment", "trade_status", "notify_time"),
)
_XML = re.compile(r"<(\w+)>(?:<!\[CDATA\[)?([^<\]]{0,200})")


async def unclaimed(session: AsyncSession, *, limit: int) -> list[UnclaimedView]:
    """What waits for an owner, the oldest first. ``session`` is the operator's."""
    return await repository.unclaimed(session, limit=limit)


async def read(
    session: AsyncSession, *, keyring: Keyring, notice_id: uuid.UUID
) -> tuple[UnclaimedView, dict[str, str]]:
    """What the notice says about merchant, order and money. Nothing of it is verified. ``NoticeUnknown``."""
    view, body = await _found(session, keyring, notice_id)
    text = body.decode("utf-8", errors="replace")
    pairs = _XML.findall(text) if view.provider is Provider.WECHAT else parse_qsl(text)
    return view, {name: value[:200] for name, value in pairs if name in _TELLING}


async def claim(
    session: AsyncSession,
    database: Database,
    *,
    keyring: Keyring,
    providers: Providers,
    notice_id: uuid.UUID,
    brand_id: uuid.UUID,
    account: str = "",
) -> AccountView:
    """Take the notice as if it had come to the account's own address, and forget that it had no owner.

    ``account`` is an id, a merchant or an app; empty is the brand's active account of this provider. It is stored
    once, whatever happens in between, and handled as every other: records ``payments.notice_received.v1``.

    Raises:
        NoticeUnknown, AccountUnknown.
        BadNotice: not signed for this account; it stays unclaimed.
    """
    view, body = await _found(session, keyring, notice_id)
    async with database.connection(brand_id) as tx:
        chosen = await _chosen(tx, view.provider, account)
        opened = (await open_accounts(tx, keyring=keyring, ids=[chosen.id]))[chosen.id]
        verified = providers.of(opened).verify_notice(body, {})
        await notices.store(tx, rows=[notices.notice_row(keyring, chosen.id, body, verified)])
    await repository.forget_unclaimed(session, notice_id=notice_id)
    return chosen


async def _found(session: AsyncSession, keyring: Keyring, notice_id: uuid.UUID) -> tuple[UnclaimedView, bytes]:
    found = await repository.unclaimed_notice(session, notice_id=notice_id)
    if found is None:
        raise NoticeUnknown
    view, sealed = found
    return view, notices.body_of(keyring, sealed)


async def _chosen(tx: Tx, provider: Provider, account: str) -> AccountView:
    own = [one for one in await account_rows.accounts(tx) if one.provider is provider]
    if not account:
        active = await account_rows.active(tx, provider=provider)
        own = [one for one in own if one.id == active]
    else:
        own = [one for one in own if account in (str(one.id), one.merchant_id, one.app_id)]
    if len(own) != 1:
        raise AccountUnknown(provider=provider.value, found=len(own))
    return own[0]
