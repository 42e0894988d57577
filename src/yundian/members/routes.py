"""The mini program's API: a code for a session, and one's own membership."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from yundian.members import api
from yundian.members.errors import (
    MemberClosed,
    PhoneBound,
    PhoneTaken,
    WeChatAppUnknown,
)
from yundian.members.schemas import CustomerToken, MiniCode
from yundian.members.service import joining, wechat
from yundian.members.types import JoinedVia, MemberView
from yundian.platform.auth import api as auth
from yundian.platform.auth.guards import anyone, customer
from yundian.platform.auth.types import Client
from yundian.platform.core.principal import Principal
from yundian.platform.db.services import Services
from yundian.platform.web.context import current
from yundian.platform.web.openapi import refusals
from yundian.platform.wechat.client import WeChatApps
from yundian.platform.wechat.errors import LoginCodeRejected

SIGN_IN_RATE = "60/minute"


class MiniSessionController(Controller):
    """Signing in from a mini program."""

    path = "/mini-sessions"

    @post(
        operation_id="members_sign_in_mini",
        guards=[anyone],
        opt={"rate_limit": SIGN_IN_RATE},
        responses=refusals(LoginCodeRejected, WeChatAppUnknown, MemberClosed),
    )
    async def sign_in(
        self, data: JSONBody[MiniCode], request: Request[Any, Any, Any], services: NamedDependency[Services]
    ) -> CustomerToken:
        """Sign a customer in with the code of `wx.login()`; who is new becomes a member."""
        apps: WeChatApps = request.app.state.wechat
        signed_in = await wechat.sign_in_mini(
            services.database,
            keyring=services.keyring,
            wechat_apps=apps,
            app_id=data.app_id,
            code=data.code,
            client=Client(ip=current().client, user_agent=request.headers.get("User-Agent", "")),
        )
        return CustomerToken.of(signed_in)


class MemberController(Controller):
    """One's own membership."""

    path = "/member"
    guards = [customer]  # noqa: RUF012  Litestar's way to guard a controller

    @get(operation_id="members_get_own")
    async def get_own(
        self, services: NamedDependency[Services], principal: NamedDependency[Principal]
    ) -> MemberView:
        """Get one's own membership; the phone is masked."""
        async with services.database.connection(principal.brand) as tx:
            return await api.member_view(tx, keyring=services.keyring, member_id=principal.own_id)

    @post("/agreement", operation_id="members_agree", status_code=200)
    async def agree(
        self, services: NamedDependency[Services], principal: NamedDependency[Principal]
    ) -> MemberView:
        """Agree to the terms as they stand."""
        async with services.database.connection(principal.brand) as tx:
            await joining.agree(tx, member_id=principal.own_id, via=JoinedVia.MINI_PROGRAM)
            return await api.member_view(tx, keyring=services.keyring, member_id=principal.own_id)

    @post(
        "/phone",
        operation_id="members_bind_mini_phone",
        opt={"rate_limit": "10/minute"},
        status_code=200,
        responses=refusals(LoginCodeRejected, WeChatAppUnknown, PhoneTaken, PhoneBound),
    )
    async def bind_phone(
        self,
        data: JSONBody[MiniCode],
        request: Request[Any, Any, Any],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> MemberView:
        """Bind the phone that the customer hands over with the mini program's phone button."""
        apps: WeChatApps = request.app.state.wechat
        await wechat.bind_mini_phone(
            services.database,
            keyring=services.keyring,
            wechat_apps=apps,
            brand_id=principal.brand,
            member_id=principal.own_id,
            app_id=data.app_id,
            code=data.code,
        )
        async with services.database.connection(principal.brand) as tx:
            return await api.member_view(tx, keyring=services.keyring, member_id=principal.own_id)

    @post("/sign-out", operation_id="members_sign_out", status_code=204)
    async def sign_out(self, services: NamedDependency[Services], principal: NamedDependency[Principal]) -> None:
        """End this session."""
        async with services.database.connection(principal.brand) as tx:
            if principal.session_id is not None:
                await auth.end_customer_session(tx, member_id=principal.own_id, session_id=principal.session_id)
