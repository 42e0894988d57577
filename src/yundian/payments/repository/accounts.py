"""Merchants' accounts; their keys stay sealed here."""

import uuid
from collections.abc import Sequence
from typing import Any

import msgspec

from yundian.payments.types import AccountView, Provider
from yundian.platform.outbox.door import Door, brand_of, fetch, run

_ACCOUNT = "c.id, c.provider, c.label, c.app_id, c.merchant_id, c.status, c.created_at"


def account_of(row: Sequence[Any]) -> AccountView:
    return msgspec.convert(dict(zip(AccountView.__struct_fields__, row, strict=True)), AccountView, strict=False)


async def save_account(door: Door, *, view: AccountView, sealed: bytes) -> uuid.UUID:
    """A new account, or new keys for one that is known, which takes payments again; its id."""
    sql = (
        "INSERT INTO payments_account (brand_id, id, created_at, provider, label, app_id, merchant_id, sealed,"
        " status) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT (brand_id, provider, merchant_id, app_id) DO UPDATE SET label = excluded.label,"
        " sealed = excluded.sealed, status = excluded.status RETURNING id"
    )
    values = (view.id, view.created_at, view.provider.value, view.label, view.app_id, view.merchant_id)
    rows = await fetch(door, sql, brand_of(door), *values, sealed, view.status.value)
    found: uuid.UUID = rows[0][0]
    return found


async def retire(door: Door, *, account_id: uuid.UUID) -> bool:
    sql = "UPDATE payments_account SET status = 'retired' WHERE brand_id = $1 AND id = $2 AND status = 'active'"
    return await run(door, sql, brand_of(door), account_id) > 0


async def accounts(door: Door) -> list[AccountView]:
    sql = f"SELECT {_ACCOUNT} FROM payments_account c WHERE c.brand_id = $1 ORDER BY c.id"  # noqa: S608
    return [account_of(row) for row in await fetch(door, sql, brand_of(door))]


async def active(door: Door, *, provider: Provider) -> uuid.UUID | None:
    sql = "SELECT id FROM payments_account WHERE brand_id = $1 AND provider = $2 AND status = 'active'"
    rows = await fetch(door, sql, brand_of(door), provider.value)
    found: uuid.UUID | None = rows[0][0] if rows else None
    return found


async def sealed_accounts(door: Door, *, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, tuple[Provider, bytes]]:
    sql = "SELECT id, provider, sealed FROM payments_account WHERE brand_id = $1 AND id = ANY($2::uuid[])"
    return {row[0]: (Provider(row[1]), row[2]) for row in await fetch(door, sql, brand_of(door), list(ids))}


async def brands_with_accounts(door: Door, *, kind: str) -> list[uuid.UUID]:
    """Every brand that takes payments. Works without a brand: the directory is global."""
    sql = "SELECT DISTINCT brand_id FROM directory WHERE kind = $1"
    return [row[0] for row in await fetch(door, sql, kind)]


async def brands_without_accounts(door: Door, *, kind: str) -> list[uuid.UUID]:
    """Every other brand."""
    sql = (
        "SELECT id FROM brand b WHERE NOT EXISTS"
        " (SELECT FROM directory d WHERE d.kind = $1 AND d.brand_id = b.id) ORDER BY id"
    )
    return [row[0] for row in await fetch(door, sql, kind)]
