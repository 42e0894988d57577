"""Bills come by themselves: from ten in the morning, again until they are there, and what differs is found."""

import datetime as dt
from typing import Any

import pytest

from tests.payments.kit import Till
from yundian.payments.adapters.amounts import BEIJING
from yundian.payments.service import bill_days, bills
from yundian.payments.states import BillState, GapKind
from yundian.payments.types import Provider
from yundian.platform.core import clock

pytestmark = pytest.mark.anyio

QUARTER = dt.timedelta(minutes=15)


@pytest.fixture(autouse=True)
def no_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is paid around midnight may stand in either day's bill, and these tests may run around midnight."""
    monkeypatch.setattr(bills, "EDGE", dt.timedelta())


def today() -> dt.date:
    return clock.now().astimezone(BEIJING).date()


def ten(*, later: dt.timedelta = dt.timedelta()) -> dt.datetime:
    """Ten o'clock of tomorrow, when today's bills should be there."""
    return dt.datetime.combine(today() + dt.timedelta(days=1), dt.time(10), BEIJING) + later


async def fetch(till: Till, now: dt.datetime) -> int:
    return await bill_days.fetch_due(
        till.services.database,
        keyring=till.services.keyring,
        providers=till.providers,
        brand_id=till.brand_id,
        now=now,
    )


async def fetched(till: Till) -> dict[str, dict[str, Any]]:
    rows = await till.rows("SELECT * FROM payments_bill WHERE brand_id = $1 AND day = $2", today())
    return {row["provider"]: row for row in rows}


def standing(found: dict[str, dict[str, Any]]) -> dict[str, tuple[str, int]]:
    return {provider: (row["state"], row["payments"]) for provider, row in found.items()}


async def test_bills_are_fetched_from_ten_and_again_until_they_are_there(till: Till) -> None:
    for provider in Provider:
        await till.paid(provider, minor=700)
    till.sandbox.break_it(
        "down", provider="wechat_pay", operation="pay.downloadbill", remaining=None, params={"status": 0}
    )

    assert await fetch(till, ten(later=-dt.timedelta(minutes=1))) == 0
    assert await fetch(till, ten()) == 2

    found = await fetched(till)
    assert standing(found) == {"wechat": ("waiting", 0), "alipay": ("agreed", 1)}
    assert found["alipay"]["paid_minor"] == 700
    assert found["alipay"]["next_at"] is None
    assert (found["wechat"]["next_at"], found["wechat"]["tries"]) == (ten(later=QUARTER), 1)
    assert found["wechat"]["failure"]

    till.sandbox.http.delete("/sandbox/api/faults")
    assert await fetch(till, ten(later=QUARTER / 2)) == 0
    assert await fetch(till, ten(later=QUARTER)) == 1
    assert standing(await fetched(till)) == {"wechat": ("agreed", 1), "alipay": ("agreed", 1)}
    assert await fetch(till, ten(later=dt.timedelta(hours=9))) == 0


async def test_money_that_only_the_bill_knows_is_found_asked_about_and_agrees_afterwards(till: Till) -> None:
    for provider in Provider:
        payment = await till.open(minor=900)
        await till.start(payment, provider)
        till.pay(provider, await till.number(payment))
    unknown = await till.paid(Provider.WECHAT, minor=300)
    async with till.services.database.connection(till.brand_id) as tx:
        forget = "UPDATE payments_attempt SET out_trade_no = 'another' WHERE brand_id = $1 AND payment_id = $2"
        number = await till.number(unknown)
        await tx.execute(forget, till.brand_id, unknown.id)
        # Two were given up before their money came, and nobody asks about them any more.
        for table in ("payments_payment", "payments_attempt"):
            close = f"UPDATE {table} SET state = 'closed' WHERE brand_id = $1 AND state = 'pending'"
            await tx.execute(close, till.brand_id)
        await tx.execute("UPDATE payments_attempt SET next_poll_at = NULL WHERE brand_id = $1", till.brand_id)

    await fetch(till, ten())
    found = await fetched(till)
    assert {provider: (row["state"], row["gaps"]) for provider, row in found.items()} == {
        "wechat": ("differs", 3),
        "alipay": ("differs", 1),
    }
    async with till.services.database.unit_of_work(till.brand_id) as session:
        assert await bill_days.count_findings(session) == 2
        _, gaps = await bill_days.get_bill(session, bill_id=found["wechat"]["id"])
    kinds = {(one.kind, one.out_trade_no): (one.ours_minor, one.theirs_minor) for one in gaps}
    assert kinds[GapKind.THEIRS_ONLY, number] == (None, 300)
    assert kinds[GapKind.OURS_ONLY, "another"] == (300, None)
    assert sorted(kinds.values(), key=str) == [(300, None), (None, 300), (None, 900)]

    await till.sweep(later_s=86_400 * 2)
    assert [one["reason"] for one in await till.orphans()] == ["late", "late"]
    await fetch(till, ten(later=QUARTER))

    found = await fetched(till)
    assert {provider: (row["state"], row["gaps"]) for provider, row in found.items()} == {
        "wechat": ("differs", 2),
        "alipay": ("agreed", 0),
    }
    left = await till.rows("SELECT count(*)::int AS n FROM payments_bill_gap WHERE brand_id = $1")
    assert left[0]["n"] == 2


async def test_a_day_without_trade_agrees_and_one_whose_bill_never_comes_is_a_finding(till: Till) -> None:
    await till.paid(Provider.ALIPAY)
    till.sandbox.break_it(
        "error",
        provider="alipay",
        operation="*bill*",
        remaining=None,
        params={"code": "40004", "sub_code": "isp.bill_not_exist", "message": "-"},
    )

    now, last = ten(), None
    for _ in range(bill_days.MOST_TRIES + 2):
        await fetch(till, now)
        last = (await fetched(till))["alipay"]
        now = last["next_at"] or now

    found = await fetched(till)
    assert standing(found) == {"wechat": ("agreed", 0), "alipay": ("missing", 0)}
    assert (found["alipay"]["failure"], found["alipay"]["tries"]) == ("absent", bill_days.MOST_TRIES)
    assert ten(later=dt.timedelta(days=2)) < now < ten(later=dt.timedelta(days=4))
    assert found["alipay"]["next_at"] is None

    till.sandbox.http.delete("/sandbox/api/faults")
    async with till.services.database.unit_of_work(till.brand_id) as session:
        await bill_days.fetch_again(session, bill_id=found["alipay"]["id"])
    await fetch(till, now)
    assert (await fetched(till))["alipay"]["state"] == BillState.AGREED.value


async def test_a_bill_that_contradicts_itself_is_not_believed(till: Till) -> None:
    await till.paid(Provider.WECHAT)
    till.sandbox.break_it("tampered", provider="wechat_pay", operation="pay.downloadbill")
    await fetch(till, ten())
    found = (await fetched(till))["wechat"]
    assert (found["state"], found["failure"]) == ("waiting", "bad_bill:count")


async def test_a_house_that_was_off_catches_up_and_asks_for_no_day_twice(till: Till) -> None:
    await till.rows("UPDATE payments_account SET created_at = now() - interval '9 days' WHERE brand_id = $1")
    await fetch(till, ten())
    planned = await till.rows("SELECT day, provider FROM payments_bill WHERE brand_id = $1 ORDER BY day")
    assert len(planned) == 2 * bill_days.LOOK_BACK_DAYS
    assert planned[-1]["day"] == today()
    while await fetch(till, ten()):
        pass
    again = await till.rows("SELECT state, tries FROM payments_bill WHERE brand_id = $1")
    assert [(row["state"], row["tries"]) for row in again] == [("agreed", 1)] * len(planned)


async def test_a_retired_merchant_is_asked_about_the_days_on_which_it_took_money(till: Till) -> None:
    await till.paid(Provider.WECHAT, minor=500)
    retire = "UPDATE payments_account SET status = 'retired', created_at = now() - interval '9 days'"
    await till.rows(f"{retire} WHERE brand_id = $1")
    await fetch(till, ten())
    asked = await till.rows("SELECT day, provider, state, paid_minor FROM payments_bill WHERE brand_id = $1")
    assert [tuple(row.values()) for row in asked] == [(today(), "wechat", "agreed", 500)]
