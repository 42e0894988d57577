"""Where providers send their notices."""

import uuid
from typing import Any

from litestar import Controller, Request, Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from yundian.payments.service import notices
from yundian.payments.types import Provider
from yundian.platform.auth.guards import anyone
from yundian.platform.db.services import Services

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
        services: NamedDependency[Services],
    ) -> Response[bytes]:
        """Verified on the raw bytes, stored once, answered as the provider wants; handled afterwards."""
        answer = await notices.receive(
            services.database,
            keyring=services.keyring,
            providers=request.app.state.payment_providers,
            provider=provider,
            brand_id=brand_id,
            account_id=account_id,
            body=await request.body(),
            headers=dict(request.headers),
        )
        return Response(answer.body, status_code=200, media_type=answer.media_type)
