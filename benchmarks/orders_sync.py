"""How many orders a second come in over HTTP: signed batches of 100, one web process, as a source sends them.

``python -m benchmarks.orders_sync [--batches 100] [--connections 2]``. Every document is new, names a shop, a
buyer with a card number of her own till and two lines; it becomes an order, a profile and numbers before it is
answered.
"""

import argparse
import asyncio
import base64
import datetime as dt
import hashlib
import hmac
import json
import sys
import time

from benchmarks import kit
from stores.service import shops
from stores.types import ShopFields
from tests import factories
from tests.stores.makers import shop_fields
from yundian.channels.service import channels
from yundian.channels.states import ChannelKind
from yundian.channels.types import ChannelFields
from yundian.platform.auth import api_keys
from yundian.platform.db import migrate
from yundian.platform.db.services import open_services

BATCH = 100
GOAL = 1_000
SHOPS = 20
MEMBERS = 4_000
_START = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)


def document(number: int) -> dict[str, object]:
    """An order of two lines, as a till sends it."""
    at = (_START + dt.timedelta(seconds=37 * number)).isoformat()
    price = 1_000 + number % 900
    line = {"quantity": 1, "unit_minor": price, "total_minor": price}
    return {
        "shop_code": f"SH-{number % SHOPS:02d}",
        "external_id": f"POS-{number:07d}",
        "version": 1,
        "placed_at": at,
        "paid_at": at,
        "currency": "CNY",
        "total_minor": 2 * price,
        "paid_minor": 2 * price,
        "buyer": {
            "identities": [
                {"type": "card", "scope": "till", "value": f"C{number * 7 % MEMBERS}", "verified": True}
            ]
        },
        "lines": [{**line, "sku": "LIP-00", "name": "唇釉"}, {**line, "sku": "LIP-01", "name": "口红"}],
    }


def signed(key: str, body: bytes, name: str) -> dict[str, str]:
    key_id, _, secret = key.removeprefix("yk_").partition(".")
    timestamp = str(int(time.time()))
    mac = hmac.new(secret.encode(), f"{name}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "authorization": f"Bearer yk_{key_id}",
        "content-type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }


async def prepare(house: kit.House) -> str:
    """A brand with shops, a channel and a key; the key."""
    brand = await factories.make_brand(house.settings)
    async with open_services(house.settings) as services, services.database.unit_of_work(brand.id) as session:
        for number in range(SHOPS):
            fields: ShopFields = shop_fields(f"SH-{number:02d}")
            await shops.create_shop(session, brand_id=brand.id, fields=fields)
        named = ChannelFields(name_zh="收银", name_en="Till", kind=ChannelKind.TILL)
        await channels.create_channel(session, code="pos", fields=named)
        made = await api_keys.create_key(
            session,
            keyring=services.keyring,
            brand_id=brand.id,
            name="till",
            scopes=["orders:write"],
            actor_id=None,
        )
        return made.key


async def main(batches: int, connections: int) -> None:
    with kit.house() as house:
        await migrate.upgrade(house.settings)
        key = await prepare(house)
        house.start("serve", YUNDIAN_WEB_WORKERS="1")
        await house.until_ready()

        async def send(wire: kit.Wire, number: int) -> int:
            documents = [document(number * BATCH + part) for part in range(BATCH)]
            body = json.dumps({"channel": "pos", "documents": documents}).encode()
            status, _ = await wire.ask(
                "POST", "/v1/orders/sync", headers=signed(key, body, f"m{number}"), body=body
            )
            return status

        await kit.drive(house, 5, 1, lambda wire, number: send(wire, 10_000 + number))
        measured = await kit.drive(house, batches, connections, send)
        print(f"{measured.rate * BATCH:.0f} orders/s in batches of {BATCH}: {measured.line()}")
        print(
            await kit.rows(
                house, {"orders_order": "", "channels_document": "", "reports_fact": "", "members_member": ""}
            )
        )
        if measured.statuses != {200: batches} or measured.rate * BATCH < GOAL:
            sys.exit(1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--batches", type=int, default=100)
    parser.add_argument("--connections", type=int, default=2)
    given = parser.parse_args()
    asyncio.run(main(given.batches, given.connections))
