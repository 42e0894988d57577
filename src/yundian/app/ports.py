"""Where a lower part asks a room above it: the composition root joins them."""

import uuid

from sqlmodel.ext.asyncio.session import AsyncSession

from stores import api as stores
from yundian.members.ports import SmsSender
from yundian.platform.core.settings import Settings


async def shop_names(session: AsyncSession, *, ids: set[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The names of shops, for the people who are granted roles in them (``auth.ports.ShopNames``)."""
    return {shop_id: shop.name for shop_id, shop in (await stores.get_shops(session, ids=ids)).items()}


def sms_sender(settings: Settings) -> SmsSender:
    """The provider of short messages that the settings name."""
    return _SmsAtFirstUse(settings)


class _SmsAtFirstUse:
    """Loads the HTTP client (9 MiB) with the first message."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sender: SmsSender | None = None

    async def send_code(self, *, phone: str, code: str, brand_name: str, minutes: int, reference: str) -> None:
        if self._sender is None:
            from yundian.members.adapters.sms import HttpSms  # noqa: PLC0415

            key = self._settings.sms_key
            secret = key.get_secret_value() if key else ""
            self._sender = HttpSms(url=self._settings.sms_url, key=secret)
        await self._sender.send_code(
            phone=phone, code=code, brand_name=brand_name, minutes=minutes, reference=reference
        )

    async def aclose(self) -> None:
        if self._sender is not None:
            await self._sender.aclose()
