"""Yesterday's bills come by themselves from ten in the morning, again until they agree with our books."""

import datetime as dt
import uuid

import anyio.to_thread
import msgspec
import structlog
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.payments.adapters.amounts import BEIJING, CURRENCY
from yundian.payments.adapters.bills import BillRow
from yundian.payments.errors import BadBill, BillUnknown
from yundian.payments.ports import BillAbsent, BillFile, BillResult, Providers
from yundian.payments.repository import bill_days as rows
from yundian.payments.repository import trades
from yundian.payments.repository.bill_days import BillView, GapView
from yundian.payments.service.accounts import open_accounts
from yundian.payments.service.bills import READERS, Comparison, compare_rows
from yundian.payments.states import BillState, GapKind
from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring
from yundian.platform.db.database import Database, Tx
from yundian.platform.db.paging import Page, cut, decode_cursor
from yundian.platform.outbox.door import Door

log = structlog.get_logger(__name__)

# Both providers make their bills in the night, by Beijing's clock, and have them all by then.
READY_AT = dt.time(10)
# A house that was off for some days catches up.
LOOK_BACK_DAYS = 7
# With ever longer pauses these are three days.
MOST_TRIES = 16
AT_ONCE = 4
MOST_GAPS = 500
_DAY = dt.timedelta(days=1)


async def fetch_due(
    database: Database,
    *,
    keyring: Keyring,
    providers: Providers,
    brand_id: uuid.UUID,
    now: dt.datetime | None = None,
) -> int:
    """Plan the days whose bills should be there, and fetch and compare what is due; how many that were.

    What differs is looked at again later: money that we had not heard of is asked about meanwhile.
    """
    at = now or clock.now()
    async with database.connection(brand_id) as tx:
        await plan(tx, now=at)
        due = await rows.claim(tx, now=at, limit=AT_ONCE)
        accounts = await open_accounts(tx, keyring=keyring, ids={one.account_id for one in due})
    for one in due:
        answer = await providers.of(accounts[one.account_id]).bill(one.day)
        await _take(database, brand_id, one, answer, at)
    return len(due)


async def plan(door: Door, *, now: dt.datetime) -> int:
    """Ask for every past day whose bill should be there by now; how many are new."""
    last = now.astimezone(BEIJING)
    days = [last.date() - _DAY * back for back in range(1, LOOK_BACK_DAYS + 1)]
    if last.time() < READY_AT:
        days = days[1:]
    starts = [dt.datetime.combine(day, dt.time(), BEIJING) for day in days]
    return await rows.plan(door, days=days, starts=starts, now=now)


async def _take(
    database: Database, brand_id: uuid.UUID, bill: BillView, answer: BillResult, now: dt.datetime
) -> None:
    is_last = bill.tries >= MOST_TRIES
    try:
        told = await _read(bill, answer)
    except BadBill as bad:
        told, failure = None, f"bad_bill:{bad.facts.get('column', '')}"
    else:
        failure = "" if told is not None else getattr(answer, "code", "") or getattr(answer, "reason", "")
    async with database.connection(brand_id) as tx:
        if told is None:
            await _fail(tx, bill, failure, is_last)
            return
        found = await compare_rows(
            tx, provider=bill.provider, merchant_id=bill.merchant_id, day=bill.day, rows=told
        )
        if isinstance(answer, BillAbsent) and found.differences:
            # Whoever has taken money that day has a bill sooner or later.
            await _fail(tx, bill, "absent", is_last)
            return
        await _keep(tx, bill, found, is_last, now)


async def _read(bill: BillView, answer: BillResult) -> list[BillRow] | None:
    """Its lines; nothing where none could be had. Raises ``BadBill``."""
    if isinstance(answer, BillAbsent):
        return []
    if not isinstance(answer, BillFile):
        return None
    return (await anyio.to_thread.run_sync(READERS[bill.provider], answer.content)).rows


async def _fail(tx: Tx, bill: BillView, failure: str, is_last: bool) -> None:
    await rows.fail(tx, bill_id=bill.id, failure=failure, is_last=is_last)
    write = log.warning if is_last else log.info
    write("payments.bill_not_there", **_name(bill), failure=failure, tries=bill.tries)


async def _keep(tx: Tx, bill: BillView, found: Comparison, is_last: bool, now: dt.datetime) -> None:
    gaps = [
        GapView(
            kind=one.kind,
            out_trade_no=one.out_trade_no,
            out_refund_no=one.out_refund_no,
            currency=CURRENCY,
            ours_minor=one.ours_minor,
            theirs_minor=one.theirs_minor,
        )
        for one in found.differences
    ]
    said = msgspec.structs.replace(
        bill,
        state=BillState.DIFFERS if gaps else BillState.AGREED,
        compared_at=now,
        payments=found.payments,
        refunds=found.refunds,
        paid_minor=found.paid_minor,
        refunded_minor=found.refunded_minor,
        fee_millis=found.fee_millis,
        near_midnight=found.near_midnight,
        gaps=len(gaps),
    )
    await rows.write(tx, bill=said, gaps=gaps[:MOST_GAPS], is_last=is_last or not gaps, now=now)
    unheard = [one.out_trade_no for one in gaps if one.kind is GapKind.THEIRS_ONLY and not one.out_refund_no]
    if unheard:
        await trades.look_again(tx, numbers=unheard, now=now)
    write = log.warning if gaps else log.info
    write("payments.bill_compared", **_name(bill), gaps=len(gaps), payments=found.payments, refunds=found.refunds)


def _name(bill: BillView) -> dict[str, str]:
    return {"provider": bill.provider.value, "merchant_id": bill.merchant_id, "day": bill.day.isoformat()}


async def list_bills(session: AsyncSession, *, cursor: str | None, limit: int) -> Page[BillView]:
    """Latest day first."""
    before = decode_cursor(cursor, (dt.date, uuid.UUID)) if cursor is not None else None
    found = await rows.bills(session, before=before, limit=limit + 1)
    items, next_cursor = cut(found, limit, lambda one: (one.day.isoformat(), str(one.id)))
    return Page(items=items, next_cursor=next_cursor)


async def count_findings(session: AsyncSession) -> int:
    """Bills that differ from our books, or that cannot be had."""
    return await rows.count_findings(session)


async def get_bill(session: AsyncSession, *, bill_id: uuid.UUID) -> tuple[BillView, list[GapView]]:
    """One of them and what differs, at most ``MOST_GAPS``. Raises ``BillUnknown``."""
    found = await rows.bill(session, bill_id=bill_id)
    if found is None:
        raise BillUnknown
    return found, await rows.gaps(session, bill_id=bill_id, limit=MOST_GAPS)


async def fetch_again(session: AsyncSession, *, bill_id: uuid.UUID) -> None:
    """Within minutes, whatever it said before. Raises ``BillUnknown``."""
    if not await rows.ask_again(session, bill_id=bill_id, now=clock.now()):
        raise BillUnknown
