"""Where WeChat pushes what happens at the official account. Plain text, for WeChat only."""

from typing import Any

from litestar import Controller, MediaType, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from yundian.members.service import pushes
from yundian.platform.auth.guards import anyone
from yundian.platform.db.services import Services
from yundian.platform.web.pages import AnyRequest
from yundian.platform.wechat.types import ACCEPTED

# WeChat pushes for all followers from a few addresses.
_OPEN: dict[str, Any] = {"exclude_from_csrf": True, "no_principal": True, "exclude_from_limits": True}


class PushPages(Controller):
    path = "/wechat/{app_id:str}/push"
    include_in_schema = False
    guards = [anyone]  # noqa: RUF012  Litestar's way to guard a controller
    opt = _OPEN

    @get(name="members.push.handshake")
    async def handshake(
        self, app_id: FromPath[str], request: AnyRequest, services: NamedDependency[Services]
    ) -> Response[str]:
        """Prove to WeChat that this address knows the token."""
        query = dict(request.query_params)
        text = await pushes.handshake(services.database, keyring=services.keyring, app_id=app_id, query=query)
        return Response(text, media_type=MediaType.TEXT)

    @post(name="members.push", status_code=200)
    async def take(
        self, app_id: FromPath[str], request: AnyRequest, services: NamedDependency[Services]
    ) -> Response[bytes]:
        """Keep what WeChat says, then say that it is kept."""
        await pushes.take(
            services.database,
            services.redis,
            keyring=services.keyring,
            app_id=app_id,
            query=dict(request.query_params),
            body=await request.body(),
        )
        return Response(ACCEPTED, media_type=MediaType.TEXT)
