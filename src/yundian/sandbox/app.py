"""The sandbox as one web application, with its courier beside it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from litestar import Litestar
from litestar.di import Provide

from yundian.sandbox import cashier, control, pages, sms
from yundian.sandbox.alipay import routes as alipay_routes
from yundian.sandbox.alipay.notices import AlipaySender
from yundian.sandbox.config import SandboxConfig
from yundian.sandbox.context import Sandbox, open_sandbox
from yundian.sandbox.notices import Courier, Sender
from yundian.sandbox.wechat import control as wechat_control
from yundian.sandbox.wechat import pages as wechat_pages
from yundian.sandbox.wechat import routes as wechat_routes
from yundian.sandbox.wechat.identity import ensure_users
from yundian.sandbox.wechat.pay_notices import PaySender
from yundian.sandbox.wechat.push import PushSender


def create_app(config: SandboxConfig) -> Litestar:
    """Open the books under ``config.folder`` and serve them; one process at a time per folder."""
    sandbox = open_sandbox(config)
    ensure_users(sandbox)
    senders: dict[str, Sender] = {
        "wechat_pay": PaySender(),
        "alipay": AlipaySender(),
        "wechat": PushSender(),
        "sms": sms.SmsSender(),
    }
    courier = Courier(sandbox, senders, cashier.housekeeping)

    @asynccontextmanager
    async def delivering(_app: Litestar) -> AsyncIterator[None]:
        task = asyncio.create_task(courier.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            sandbox.store.close()

    def provide() -> Sandbox:
        return sandbox

    return Litestar(
        route_handlers=[
            wechat_routes.router,
            wechat_control.router,
            wechat_pages.router,
            alipay_routes.router,
            control.router,
            pages.router,
            sms.send_sms,
            sms.router,
        ],
        dependencies={"sandbox": Provide(provide, sync_to_thread=False)},
        lifespan=[delivering],
        openapi_config=None,
    )
