"""Where providers send their notices."""

import uuid
from typing import Any

from litestar import Controller, Request, Response, post
from litestar.params import FromPath

from yundian.payments.service.desk import NoticeDesk
from yundian.payments.service.notices import Received
from yundian.payments.types import Provider
from yundian.platform.auth.guards import anyone

# A provider sends everything from a few addresses.
_OPT = {"exclude_from_csrf": True, "no_principal": True, "exclude_from_limits": True}


class NoticeReceiver(Controller):
    path = "/pay/notices"
    include_in_schema = False
    opt = _OPT

    @post(
        "/{provider:str}/{brand_id:uuid}/{account_id:uuid}",
        name="payments.notice",
        guards=[anyone],
        status_code=200,
        request_max_body_size=65_536,
    )
    async def receive(
        self,
        provider: FromPath[Provider],
        brand_id: FromPath[uuid.UUID],
        account_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
    ) -> Response[bytes]:
        """Verified on the raw bytes, stored once, answered as the provider wants; handled afterwards."""
        desk: NoticeDesk = request.app.state.notice_desk
        answer = await desk.receive(
            brand_id, Received(provider, account_id, await request.body(), dict(request.headers))
        )
        return Response(answer.body, status_code=200, media_type=answer.media_type)
