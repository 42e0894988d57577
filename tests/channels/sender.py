"""A source of orders as a test needs one: its key, and requests signed by the library of the field."""

import base64
import datetime as dt
import hashlib
import hmac
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from standardwebhooks import Webhook

from yundian.brands.types import BrandView
from yundian.platform.auth import api_keys
from yundian.platform.core.ids import new_id
from yundian.platform.db.services import Services

PATH = "/v1/orders/sync"


@dataclass(frozen=True)
class Sender:
    """A key with its secret, and a client."""

    client: httpx.AsyncClient
    id: uuid.UUID
    key_id: str
    secret: str

    def headers(
        self, body: bytes, *, message_id: str | None = None, at: dt.datetime | None = None
    ) -> dict[str, str]:
        """Signed as Standard Webhooks has it."""
        message_id, at = message_id or f"msg_{new_id()}", at or dt.datetime.now(dt.UTC)
        timestamp = str(int(at.timestamp()))
        return {
            "Authorization": f"Bearer yk_{self.key_id}",
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": self._signature(message_id, at, body),
        }

    def _signature(self, message_id: str, at: dt.datetime, body: bytes) -> str:
        try:
            library = Webhook(base64.b64encode(self.secret.encode()).decode())
            return library.sign(message_id, at, body.decode())
        except UnicodeDecodeError:
            # The library signs text only.
            signed = f"{message_id}.{int(at.timestamp())}.".encode() + body
            mac = hmac.new(self.secret.encode(), signed, hashlib.sha256).digest()
            return f"v1,{base64.b64encode(mac).decode()}"

    async def post(self, body: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
        return await self.client.post(PATH, content=body, headers=headers or self.headers(body))

    async def send(self, documents: Sequence[Any], *, channel: str = "pos") -> httpx.Response:
        """A batch of documents: text and bytes go as they are, all else as JSON."""
        return await self.post(batch(documents, channel=channel))


def batch(documents: Sequence[Any], *, channel: str = "pos") -> bytes:
    parts = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in documents]
    return b'{"channel": "%s", "documents": [%s]}' % (channel.encode(), b", ".join(parts))


async def make_sender(
    client: httpx.AsyncClient, services: Services, brand: BrandView, *, scopes: Sequence[str] = ("orders:write",)
) -> Sender:
    """A key that may do this."""
    async with services.database.unit_of_work(brand.id) as session:
        made = await api_keys.create_key(
            session,
            keyring=services.keyring,
            brand_id=brand.id,
            name="Till",
            scopes=scopes,
            actor_id=None,
        )
    key_id, _, secret = made.key.removeprefix("yk_").partition(".")
    return Sender(client, made.id, key_id, secret)


def sale(external_id: str = "T-1", total_minor: float = 12_900, **changes: Any) -> dict[str, Any]:
    """A completed sale as a till sends it."""
    values: dict[str, Any] = {
        "external_id": external_id,
        "version": 1,
        "placed_at": "2026-05-20T18:03:11+08:00",
        "paid_at": "2026-05-20T18:03:40+08:00",
        "currency": "CNY",
        "total_minor": total_minor,
        "paid_minor": total_minor,
        "lines": [{"sku": "S1", "quantity": 1, "unit_minor": total_minor, "total_minor": total_minor}],
    }
    return values | changes
