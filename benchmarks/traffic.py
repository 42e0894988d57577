"""Shops and buyers against a running server, for the demo and as load: `make up` in one terminal, this in another.

    .venv/bin/python -m benchmarks.traffic [--buyers 30] [--minutes 1] [--rate 0.7] [--seed 1] [--size 3]

HQ publishes a campaign for this run; shop owners take in goods and their links to it; buyers come by these links,
sign in, start groups or join them, pay at the sandbox, give up, pay too late, send a request twice, leave, and
collect what they bought. Then HQ closes the campaign, which gives the money of unfilled groups back.

Exits 1 unless HQ's sales of the campaign (cash basis) are, to the fen, what the sandbox's books say was paid and
paid back for its orders.
"""

import argparse
import asyncio
import contextlib
import datetime as dt
import random
import statistics
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from benchmarks.crowd import CROWD, PHONE, Fair, Seen, Shop, Web
from yundian.app.config import load_settings
from yundian.app.demo.seed import demo_brand
from yundian.app.sandbox import Credentials, credentials
from yundian.platform.auth.cookies import customer_cookie_name
from yundian.platform.core.principal import Role
from yundian.platform.core.settings import Settings

_SEAT_LIFE_S = 120
_SETTLED_WITHIN_S = 240


async def run(options: argparse.Namespace) -> int:
    settings = load_settings()
    known = credentials(settings)
    if known is None:
        print("no sandbox found: start `make up` first (with YUNDIAN_VAR_DIR, if that is elsewhere)")
        return 2
    connector = aiohttp.TCPConnector(limit=64)
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=jar, headers={"User-Agent": PHONE}, timeout=aiohttp.ClientTimeout(30)
    ) as http:
        web = Web(http, settings.base_url, settings.wechat_url, Seen())
        fair = await set_up(web, settings, known, options)
        begun = time.monotonic()
        async with told(web.seen, begun):
            await play(fair, options)
            seconds = time.monotonic() - begun
            fair.ending.set()
            is_right = await settle(fair)
    summary(web.seen, seconds)
    return 0 if is_right and not web.seen.wrong else 1


async def set_up(web: Web, settings: Settings, known: Credentials, options: argparse.Namespace) -> Fair:
    """The campaign of this run, and each shop's link to it."""
    demo = demo_brand()
    logins = {
        role: [one.login for one in demo.people if one.role is role] for role in (Role.HQ_ADMIN, Role.SHOP_OWNER)
    }

    async def enter(login: str) -> str:
        body = {"login": login, "password": demo.password}
        return str((await web.must("sign in", "POST", "/v1/sessions", json=body))["token"])

    hq = await enter(logins[Role.HQ_ADMIN][0])
    campaign = await publish(web, hq, options.size)
    shops = []
    for place, login in enumerate(logins[Role.SHOP_OWNER]):
        token = await enter(login)
        me = await web.must("who am I", "GET", "/v1/me", token=token)
        shop = Shop(id=me["grants"][0]["shop_id"], token=token, weight=len(logins[Role.SHOP_OWNER]) - place)
        pieces = int(options.minutes * 60 * options.rate) + 20
        lines = [{"sku_id": item["sku_id"], "quantity": pieces} for item in campaign["items"]]
        delivery = {"lines": lines, "reference": f"traffic:{campaign['code']}"}
        await web.must("take goods in", "POST", f"/v1/shops/{shop.id}/stock/receive", token=token, json=delivery)
        offers = await web.must("see campaigns", "GET", f"/v1/shop-campaigns?shop_id={shop.id}", token=token)
        assert campaign["code"] in {one["code"] for one in offers}
        path = f"/v1/shop-campaigns/{campaign['code']}/links"
        link = await web.must("take a link", "POST", path, token=token, json={"shop_id": shop.id})
        shop.link, shop.link_id = f"/s/{link['token']}", link["id"]
        shops.append(shop)
    cookie = customer_cookie_name(settings)
    crowd = [one["id"] for one in await web.audience() if one["phone"].startswith(CROWD)]
    return Fair(web, known, cookie, hq, campaign, shops, crowd, random.Random(options.seed))


async def publish(web: Web, hq: str, size: int) -> Any:
    """The newest running campaign of the demo once more, with lives as short as the run."""
    running = await web.must("see campaigns", "GET", "/v1/campaigns?standing=running&limit=50", token=hq)
    model = running["items"][-1]
    now = dt.datetime.now(dt.UTC)
    wanted = {
        "name": f"{model['name']} {now.astimezone():%m-%d %H:%M}",
        "title": model["title"],
        "description": model["description"],
        "size": size,
        "starts_at": (now - dt.timedelta(minutes=1)).isoformat(),
        "ends_at": (now + dt.timedelta(hours=12)).isoformat(),
        "seat_life_s": _SEAT_LIFE_S,
        "per_member_limit": 100,
        "pieces_per_seat": 2,
        "items": [
            {"sku_id": item["sku_id"], "group_price_minor": item["group_price_minor"], "quota": 100_000}
            for item in model["items"]
        ],
    }
    made = await web.must("make a campaign", "POST", "/v1/campaigns", token=hq, json=wanted)
    path = f"/v1/campaigns/{made['id']}/publish"
    return await web.must("publish it", "POST", path, token=hq, json={"version": made["version"]})


async def play(fair: Fair, options: argparse.Namespace) -> None:
    """Buyers arrive at the rate until the time is up; who is known comes again. All of them finish."""
    people: list[tuple[int, str]] = []
    deadline = time.monotonic() + options.minutes * 60

    async def visit(number: int) -> None:
        if number < options.buyers or not people:
            person = await fair.arrive(number)
            people.append(person)
        else:
            person = fair.dice.choice(people)
        await fair.buy(person)

    async def close_doors() -> None:
        # Who waits for a group that does not fill goes home when nobody comes any more.
        await asyncio.sleep(10)
        fair.ending.set()

    arrived = 0
    async with asyncio.TaskGroup() as tasks:
        while time.monotonic() < deadline:
            tasks.create_task(visit(arrived))
            arrived += 1
            await asyncio.sleep(fair.dice.expovariate(options.rate))
        tasks.create_task(close_doors())


async def settle(fair: Fair) -> bool:
    """End the campaign and its open groups; wait until every seat ended and what is not sold was paid back;
    whether HQ's numbers are the sandbox's then."""
    web, campaign = fair.web, fair.campaign
    path = f"/v1/campaigns/{campaign['id']}"
    body = {"version": campaign["version"], "ends_groups": True}
    await web.must("close it", "POST", f"{path}/close", token=fair.hq, json=body)
    for shop in fair.shops:
        headers = {"Authorization": f"Bearer {shop.token}"}
        await web.page("end the link", "POST", f"/shop/links/{shop.link_id}/end", headers=headers)
    until = time.monotonic() + _SETTLED_WITHIN_S
    numbers = await sent_to_providers(fair)
    while True:
        standing = await web.must("see numbers", "GET", f"{path}/numbers", token=fair.hq)
        is_over = not (standing["open_groups"] or standing["reserved_seats"] or standing["paid_seats"])
        ours, books = await hq_sales(fair), await sandbox_books(fair, numbers)
        is_right = is_over and ours == books and books[0] - books[1] == standing["confirmed_minor"] > 0
        if is_right or time.monotonic() > until:
            break
        await asyncio.sleep(2)
    print(
        f"\n\ngroups: {standing['filled_groups']} filled, {standing['failed_groups']} failed;"
        f" seats: {standing['confirmed_seats']} confirmed, {standing['refunded_seats']} paid back"
    )
    print(f"HQ's sales, cash:  {ours[0] / 100:10.2f} paid  {ours[1] / 100:10.2f} paid back")
    print(f"sandbox's books:   {books[0] / 100:10.2f} paid  {books[1] / 100:10.2f} paid back")
    print("CHECK: equal to the fen" if is_right else "CHECK FAILED: HQ's numbers are not what was paid")
    return is_right


async def hq_sales(fair: Fair) -> tuple[int, int]:
    """Gross and refunds of the campaign, as HQ's sales API says."""
    path = f"/v1/reports/sales?by=campaign&basis=cash&campaign={fair.campaign['id']}"
    [total] = (await fair.web.must("see sales", "GET", path, token=fair.hq))["totals"]
    return total["gross_minor"], total["refunds_minor"]


async def sent_to_providers(fair: Fair) -> set[str]:
    """The numbers under which the sandbox was asked for the money of this run's orders."""
    numbers: set[str] = set()
    for order_id in fair.web.seen.orders:
        found = await fair.web.must("see payments", "GET", f"/v1/payments?search={order_id}", token=fair.hq)
        for payment in found["items"]:
            life = await fair.web.must("see payments", "GET", f"/v1/payments/{payment['id']}", token=fair.hq)
            numbers |= {attempt["out_trade_no"] for attempt in life["attempts"]}
    return numbers


async def sandbox_books(fair: Fair, numbers: set[str]) -> tuple[int, int]:
    """What the sandbox took and gave back under these numbers."""
    async with fair.web.http.get(f"{fair.web.sandbox}/sandbox/api/books") as answer:
        books = await answer.json()
    paid = [one for one in books["payments"] if one["out_trade_no"] in numbers and one["paid_at"]]
    back = [one for one in books["refunds"] if one["out_trade_no"] in numbers and one["state"] == "success"]
    return sum(one["amount_minor"] for one in paid), sum(one["amount_minor"] for one in back)


@contextlib.asynccontextmanager
async def told(seen: Seen, begun: float) -> AsyncIterator[None]:
    """One line that says how it goes, written again every second."""

    async def tell() -> None:
        while True:
            await asyncio.sleep(1)
            line = (
                f"{time.monotonic() - begun:4.0f} s  orders {len(seen.orders)}  paid {seen.told['paid']}"
                f"  collected {seen.told['collected']}  refused {sum(seen.refused.values())}"
            )
            print(f"\r{line:<78}", end="", flush=True)

    teller = asyncio.create_task(tell())
    yield
    teller.cancel()


def summary(seen: Seen, seconds: float) -> None:
    print(f"\n{len(seen.orders)} orders in {seconds:.0f} s: {len(seen.orders) / seconds:.2f}/s\n")
    print(f"{'step':<20}{'count':>7}{'p50 ms':>9}{'p99 ms':>9}")
    for step, took in seen.took.items():
        p99 = statistics.quantiles(took, n=100)[98] if len(took) > 1 else took[0]
        print(f"{step:<20}{len(took):>7}{statistics.median(took):>9.1f}{p99:>9.1f}")
    for title, counted in (("people", seen.told), ("refusals", seen.refused)):
        print(f"\n{title}: " + (", ".join(f"{name} {count}" for name, count in counted.most_common()) or "none"))
    for wrong in seen.wrong:
        print(f"WRONG: {wrong}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--buyers", type=int, default=30, help="different people (30)")
    parser.add_argument("--minutes", type=float, default=1.0, help="how long they come (1)")
    parser.add_argument("--rate", type=float, default=0.7, help="visits per second (0.7)")
    parser.add_argument("--size", type=int, default=3, help="people in a group (3)")
    parser.add_argument("--seed", type=int, default=1, help="for the same crowd again (1)")
    return asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
