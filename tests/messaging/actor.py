"""One round of the worker in a process of its own, which dies where it is told:
``python -m tests.messaging.actor BRAND NOW``."""

import datetime as dt
import sys
import uuid

import uvloop

from yundian.messaging.adapters.carrier import ProviderCarrier
from yundian.messaging.service import sending
from yundian.platform.core.settings import Settings
from yundian.platform.db.services import open_services
from yundian.platform.sms.gateways import SmsAtFirstUse
from yundian.platform.wechat.client import WeChatApps


async def act(brand_id: uuid.UUID, now: dt.datetime) -> None:
    async with open_services(Settings()) as services:
        wechat, sms = WeChatApps(services.redis, services.keyring), SmsAtFirstUse(services.settings)
        carrier = ProviderCarrier(wechat=wechat, sms=sms)
        await sending.send_due(services.database, carrier=carrier, brand_id=brand_id, now=now)


if __name__ == "__main__":
    uvloop.run(act(uuid.UUID(sys.argv[1]), dt.datetime.fromisoformat(sys.argv[2])))
