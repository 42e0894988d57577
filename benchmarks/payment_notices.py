"""Payment notices per second: verified, stored once with their event, and answered, through the web server.

Run ``python -m benchmarks.payment_notices [notices] [connections]``. It starts PostgreSQL, Valkey and one web
worker of its own and sends really signed WeChat notices, every tenth one twice. Goals: 500/s, p99 100 ms.
"""

import asyncio
import statistics
import sys
import time
import uuid

import aiohttp
import psutil
import uvloop
from wechatpy.pay.utils import calculate_signature_hmac

from benchmarks import kit
from yundian.payments.service import accounts
from yundian.payments.types import WeChatPayAccount
from yundian.platform.db import migrate
from yundian.platform.db.services import open_services

GOAL_PER_S, GOAL_P99_MS = 500, 100.0
BRAND = uuid.UUID(int=1)
ACCOUNT = WeChatPayAccount(app_id="wx1", merchant_id="1600000001", api_key="k" * 32)


def notice(number: int) -> bytes:
    """What WeChat Pay sends of one payment."""
    fields = {
        "return_code": "SUCCESS",
        "result_code": "SUCCESS",
        "appid": ACCOUNT.app_id,
        "mch_id": ACCOUNT.merchant_id,
        "openid": "o1",
        "trade_type": "NATIVE",
        "bank_type": "OTHERS",
        "nonce_str": str(number),
        "total_fee": "1250",
        "cash_fee": "1250",
        "transaction_id": f"42000{number:020d}",
        "out_trade_no": f"B{number:012d}",
        "time_end": "20261121120000",
    }
    fields["sign"] = calculate_signature_hmac(fields, ACCOUNT.api_key)
    inner = "".join(f"<{name}><![CDATA[{text}]]></{name}>" for name, text in fields.items())
    return f"<xml>{inner}</xml>".encode()


async def send(url: str, bodies: list[bytes], connections: int) -> tuple[float, list[float]]:
    """Seconds for all, and milliseconds for each."""
    waiting, took = list(reversed(bodies)), []

    async def one(session: aiohttp.ClientSession) -> None:
        while waiting:
            body, began = waiting.pop(), time.perf_counter()
            async with session.post(url, data=body) as answer:
                text = await answer.read()
            took.append((time.perf_counter() - began) * 1e3)
            if answer.status != 200 or b"SUCCESS" not in text:
                raise RuntimeError(f"not accepted: {answer.status} {text[:200]!r}")

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=connections)) as session:
        began = time.perf_counter()
        await asyncio.gather(*(one(session) for _ in range(connections)))
        return time.perf_counter() - began, took


async def measure(house: kit.House, count: int, connections: int) -> bool:
    settings = house.settings
    await migrate.upgrade(settings)
    async with open_services(settings) as services, services.database.unit_of_work(BRAND) as session:
        made = await accounts.add_account(
            session, keyring=services.keyring, settings=settings, label="x", account=ACCOUNT
        )
    url = f"{house.url}/pay/notices/wechat/{BRAND}/{made.id}"
    bodies = [notice(number - number % 10 if number % 10 == 1 else number) for number in range(count)]
    house.start("serve", YUNDIAN_WEB_WORKERS="1")
    await house.until_ready()
    await send(url, [notice(10**9 + number) for number in range(200)], connections)
    seconds, took = await send(url, bodies, connections)
    house.stop()
    async with kit.owner(house) as connection:
        stored = await connection.fetchval("SELECT count(*) FROM payments_notice") - 200
        events = await connection.fetchval("SELECT count(*) FROM outbox_event") - 200
    p99 = statistics.quantiles(took, n=100)[98]
    wanted, rate, load = len(set(bodies)), count / seconds, psutil.getloadavg()[0]
    print(f"{count} notices over {connections} connections, load {load:.1f}: {rate:.0f}/s,")
    print(f"p50 {statistics.median(took):.1f} ms, p99 {p99:.1f} ms; {stored} stored, {events} told of {wanted}")
    return stored == events == wanted and rate >= GOAL_PER_S and p99 <= GOAL_P99_MS


def main() -> int:
    count, connections = (int(text) for text in (*sys.argv[1:], "5000", "16")[:2])
    with kit.house() as house:
        return 0 if uvloop.run(measure(house, count, connections)) else 1


if __name__ == "__main__":
    sys.exit(main())
