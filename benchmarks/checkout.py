"""Checkouts per second (place, then the notice of its payment) against the same rows written by pgbench.

    .venv/bin/python -m benchmarks.checkout [--checkouts 4000] [--connections 8]

Servers of its own, two web workers, one worker with its relay; no provider is called. The plain limit is
``sql/checkout_plain.sql``: the same rows as plain prepared statements, as the application's role under its row
policies, by as many clients, on the same server, before and after ours. Goals: a checkout at 30 % of it at least
(we aim for 50 %), a hot SKU under 32 buyers at 20 % of pgbench's on that row, with none sold too many or too few;
order history at 800 requests/s.
"""

import argparse
import asyncio
import base64
import sys
import time
import uuid
from pathlib import Path
from typing import NamedTuple

import msgspec
import uvloop
from wechatpy.pay.utils import calculate_signature_hmac

from benchmarks import kit
from yundian.payments.service import accounts
from yundian.payments.types import WeChatPayAccount
from yundian.platform.db import migrate
from yundian.platform.db.services import open_services

SQL = Path(__file__).parent / "sql"
BRAND = uuid.UUID("000000ff-0000-7000-8000-000000000001")
ACCOUNT = WeChatPayAccount(app_id="wx1", merchant_id="1600000001", api_key="k" * 32)
SIZE, HOT = 10, 41
GOALS = {"checkout": 0.30, "hot": 0.20, "history": 800.0}
# What a checkout writes, without what the worker makes of its events meanwhile.
PLACED = {
    "web_idempotency": "",
    "groupbuy_group": "",
    "groupbuy_seat": "",
    "stores_stock_movement": "",
    "orders_order": "",
    "orders_line": "",
    "orders_event": "kind = 'placed'",
    "attribution_credit": "",
    "payments_payment": "",
    "payments_notice": "",
    "outbox_timer": "name = 'groupbuy.deadline'",
    "outbox_event": "tag IN ('orders.placed.v1', 'payments.notice_received.v1', 'bench.ignored.v1')",
}


def made_id(kind: int, number: int) -> uuid.UUID:
    """``bench.id`` of ``sql/prepare.sql``."""
    return uuid.UUID(f"{kind:08x}-0000-7000-8000-{number:012x}")


def headers_of(buyer: uuid.UUID) -> dict[str, str]:
    name = base64.urlsafe_b64encode(BRAND.bytes).rstrip(b"=").decode()
    return {"Authorization": f"Bearer yc_{name}.{buyer}", "Idempotency-Key": str(buyer)}


async def prepare(house: kit.House) -> uuid.UUID:
    """The brand and all it sells; the id of its merchant account."""
    await migrate.upgrade(house.settings)
    async with kit.owner(house) as connection:
        await connection.execute((SQL / "prepare.sql").read_text())
    async with open_services(house.settings) as services, services.database.unit_of_work(BRAND) as session:
        account = await accounts.add_account(
            session, keyring=services.keyring, settings=house.settings, label="x", account=ACCOUNT
        )
    return account.id


async def make_buyers(house: kit.House, ranges: list[range], campaign: int | None = None) -> None:
    lows, highs = [one.start for one in ranges], [one.stop - 1 for one in ranges]
    async with kit.owner(house) as connection:
        await connection.execute((SQL / "buyers.sql").read_text(), lows, highs, campaign)
        await connection.execute("ANALYZE")


def ranges_of(first: int, clients: int, each: int) -> list[range]:
    """The numbers of each client's buyers, as the scripts count them."""
    return [range(client * 100_000 + 1, client * 100_000 + each + 1) for client in range(first, first + clients)]


async def place(house: kit.House, buyers: list[range], campaign: int | None = None) -> kit.Measured:
    """Each connection opens groups and fills them, ten by ten."""
    lanes = [iter(one) for one in buyers]
    codes: dict[int, str] = {}

    async def one(wire: kit.Wire, lane: int) -> int:
        number = next(lanes[lane])
        position = number % 100_000 - 1
        c = campaign or 1 + (number // 100_000 * 100_005 + position // SIZE) % 40
        target = {"group_code": codes[lane]} if position % SIZE else {"campaign_code": f"c{c}"}
        wish = target | {
            "lines": [{"sku_id": str(made_id(5, c * 2 + n)), "quantity": 1} for n in (0, 1)],
            "pickup_shop_id": str(made_id(1, c)),
        }
        headers = headers_of(made_id(6, number)) | {"content-type": "application/json"}
        status, body = await wire.ask("POST", "/v1/group-seats", headers=headers, body=msgspec.json.encode(wish))
        if status == 201 and not position % SIZE:
            codes[lane] = msgspec.json.decode(body)["group_code"]
        return status

    return await kit.drive_lanes(house, [len(one) for one in buyers], one)


def notice(number: str, amount: int) -> bytes:
    """What WeChat Pay sends of one payment."""
    fields = {
        "return_code": "SUCCESS", "result_code": "SUCCESS", "appid": ACCOUNT.app_id, "mch_id": ACCOUNT.merchant_id,
        "openid": "o1", "trade_type": "NATIVE", "bank_type": "OTHERS", "nonce_str": number,
        "total_fee": str(amount), "cash_fee": str(amount), "transaction_id": f"42{number}", "out_trade_no": number,
        "time_end": "20261121120000",
    }  # fmt: skip
    fields["sign"] = calculate_signature_hmac(fields, ACCOUNT.api_key)
    inner = "".join(f"<{name}><![CDATA[{text}]]></{name}>" for name, text in fields.items())
    return f"<xml>{inner}</xml>".encode()


_ATTEMPTS = """
INSERT INTO payments_attempt
    (brand_id, id, created_at, payment_id, account_id, provider, kind, out_trade_no, state, failure, provider_ref,
     expires_at, polls)
SELECT brand_id, uuidv7(), now(), id, $1, 'wechat', 'native', 'B' || right(replace(id::text, '-', ''), 24),
       'pending', '', '', expires_at, 0
FROM payments_payment p WHERE state = 'pending' AND description = 'A group-buy'
  AND NOT EXISTS (SELECT FROM payments_attempt a WHERE a.brand_id = p.brand_id AND a.payment_id = p.id)
  AND EXISTS (SELECT FROM orders_order o
      WHERE o.brand_id = p.brand_id AND o.id = p.subject_id AND o.number !~ '^P')
RETURNING out_trade_no
"""


async def pay(house: kit.House, account: uuid.UUID, connections: int) -> kit.Measured:
    """A notice for everything placed. That somebody was sent to the provider is made up: no provider is called."""
    async with kit.owner(house) as connection:
        numbers = [row[0] for row in await connection.fetch(_ATTEMPTS, account)]
        await connection.execute("ANALYZE")
    bodies = [notice(number, 2500) for number in numbers]
    path = f"/pay/notices/wechat/{BRAND}/{account}"

    async def one(wire: kit.Wire, number: int) -> int:
        status, text = await wire.ask("POST", path, headers={"content-type": "text/xml"}, body=bodies[number])
        return status if b"SUCCESS" in text else 0

    return await kit.drive(house, len(bodies), connections, one)


_UNDONE = """
SELECT (SELECT count(*) FROM outbox_event WHERE expanded_at IS NULL)
     + (SELECT count(*) FROM outbox_delivery WHERE state NOT IN ('done', 'parked'))
"""


async def drain(house: kit.House) -> float:
    """Seconds until every effect of what was told is there."""
    began = time.perf_counter()
    async with kit.owner(house) as connection:
        while await connection.fetchval(_UNDONE):  # noqa: ASYNC110  (nothing would tell)
            await asyncio.sleep(0.05)
    return time.perf_counter() - began


async def forget_limit(house: kit.House) -> None:
    """The relay shall not look at what pgbench told."""
    async with kit.owner(house) as connection:
        await connection.execute("UPDATE outbox_event SET expanded_at = now() WHERE tag = 'bench.ignored.v1'")
        await connection.execute("VACUUM ANALYZE")


class Cost(NamedTuple):
    """So many a second, at so many milliseconds of processor time each."""

    rate: float
    cpu_ms: float


async def limit(
    house: kit.House,
    account: uuid.UUID,
    *,
    script: str = "plain",
    first: int,
    clients: int,
    count: int,
    hot: int = 0,
) -> Cost:
    """pgbench's checkouts, with buyers of its own; of a hot SKU only the placing."""
    each = count // clients // SIZE * SIZE
    await make_buyers(house, ranges_of(first, clients, each), hot or None)
    used = kit.cpu(house)
    rate = await asyncio.to_thread(
        kit.pgbench, house, SQL / f"checkout_{script}.sql", clients=clients, transactions=each * clients,
        k=0, first=first, hot=hot, notices=int(not hot), account=account,
    )  # fmt: skip
    cpu_ms = (kit.cpu(house) - used) / (each * clients) * 1e3
    await forget_limit(house)
    return Cost(rate, cpu_ms)


def difference(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {table: after[table] - before[table] for table in after}


async def checkouts(
    house: kit.House, account: uuid.UUID, count: int, connections: int
) -> tuple[Cost, dict[str, int]]:
    """Ours, and the rows they left."""
    ours = ranges_of(50, connections, count // connections // SIZE * SIZE)
    await make_buyers(house, ours)
    before = await kit.rows(house, PLACED)
    placed = await place(house, ours)
    paid = await pay(house, account, connections)
    after = await kit.rows(house, PLACED)
    drained = await drain(house)
    print(f"place   {placed.line()}")
    print(f"notice  {paid.line()}")
    print(f"backlog drained in {drained:.1f} s")
    rate = len(placed.took) / (placed.seconds + paid.seconds)
    return Cost(rate, placed.cpu_ms + paid.cpu_ms), difference(before, after)


async def hot_sku(house: kit.House, count: int, stock: int) -> tuple[float, bool]:
    """32 buyers at once for one SKU of which there is not enough: placed per second, and whether all was sold."""
    async with kit.owner(house) as connection:
        await connection.execute(
            "UPDATE groupbuy_item SET quota = reserved + sold + $1 WHERE campaign_id = bench.id(2, $2)", stock, HOT
        )
    ours = ranges_of(200, 32, count // 32 // SIZE * SIZE)
    await make_buyers(house, ours, HOT)
    placed = await place(house, ours, HOT)
    print(f"hot SKU {placed.line()}")
    async with kit.owner(house) as connection:
        left = await connection.fetchval(
            "SELECT sum(quota - reserved - sold) FROM groupbuy_item WHERE campaign_id = bench.id(2, $1)", HOT
        )
    return placed.rate, left == 0 and placed.statuses.get(201) == stock


async def history(house: kit.House, connections: int) -> kit.Measured:
    """Everybody reads her orders."""
    buyers = [number for one in ranges_of(50, connections, 100) for number in one]

    async def one(wire: kit.Wire, turn: int) -> int:
        buyer = made_id(6, buyers[turn % len(buyers)])
        return (await wire.ask("GET", "/v1/member/orders", headers=headers_of(buyer)))[0]

    return await kit.drive(house, 4000, connections, one)


async def measure(house: kit.House, count: int, connections: int) -> bool:
    account = await prepare(house)
    start = await kit.rows(house, PLACED)
    plain = [await limit(house, account, first=1, clients=connections, count=count)]
    theirs = difference(start, await kit.rows(house, PLACED))
    cte = await limit(house, account, script="cte", first=20, clients=connections, count=count)
    hot_limit = await limit(house, account, first=400, clients=32, count=count, hot=HOT)
    house.start("serve", YUNDIAN_WEB_WORKERS="2")
    house.start("worker")
    await house.until_ready()
    warm = ranges_of(90, connections, SIZE * 2)
    await make_buyers(house, warm)
    await place(house, warm)
    await pay(house, account, connections)
    await drain(house)
    made, ours = await checkouts(house, account, count, connections)
    hot, is_exact = await hot_sku(house, count, count // 2)
    read = await history(house, connections)
    print(f"history {read.line()}")
    house.stop()
    plain.append(await limit(house, account, first=40, clients=connections, count=count))
    for table in PLACED:
        print(f"{table:24} ours {ours[table]:>7}  pgbench {theirs[table]:>7}")
    mean, cpu_ms = (sum(each) / len(plain) for each in zip(*plain, strict=True))
    print(
        f"plain limit {plain[0].rate:.0f} and {plain[1].rate:.0f}/s at {cpu_ms:.2f} ms of CPU,"
        f" one CTE {cte.rate:.0f}/s at {cte.cpu_ms:.2f} ms, hot row {hot_limit.rate:.0f}/s"
    )
    print(f"checkout {made.rate:.0f}/s = {made.rate / mean:.0%} of the plain limit (goal {GOALS['checkout']:.0%})")
    print(f"at {made.cpu_ms:.2f} ms of CPU: {cpu_ms / made.cpu_ms:.0%} of the limit by what it costs")
    of_limit = f"{hot / hot_limit.rate:.0%} of pgbench's"
    print(f"hot SKU {hot:.0f}/s = {of_limit} (goal {GOALS['hot']:.0%}), exact: {is_exact}")
    print(f"history {read.rate:.0f}/s (goal {GOALS['history']:.0f})")
    return (
        ours == theirs
        and made.rate >= GOALS["checkout"] * mean
        and hot >= GOALS["hot"] * hot_limit.rate
        and is_exact
        and read.rate >= GOALS["history"]
    )


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkouts", type=int, default=4000)
    parser.add_argument("--connections", type=int, default=8)
    arguments = parser.parse_args()
    with kit.house() as house:
        return 0 if uvloop.run(measure(house, arguments.checkouts, arguments.connections)) else 1


if __name__ == "__main__":
    sys.exit(main())
