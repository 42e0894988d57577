"""One's own sessions, password and second factor."""

import uuid
from typing import Any

from litestar import Controller, Request, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.auth import second_factor, service, sign_in
from yundian.platform.auth.errors import (
    CodeRequired,
    SecondFactorOff,
    SecondFactorOn,
    SignInLocked,
    WrongCredentials,
)
from yundian.platform.auth.guards import anyone, signed_in
from yundian.platform.auth.schemas import (
    CodeInput,
    CodeStep,
    Me,
    PasswordChange,
    PasswordInput,
    RecoveryCodes,
    SessionToken,
    SignIn,
)
from yundian.platform.auth.screen import SIGN_IN_RATE, client_of
from yundian.platform.auth.types import (
    Enrolment,
    SessionView,
)
from yundian.platform.core.principal import Principal
from yundian.platform.db.services import Services
from yundian.platform.web.openapi import refusals


class SessionController(Controller):
    """Signing in and out."""

    path = "/sessions"

    @post(
        operation_id="auth_sign_in",
        guards=[anyone],
        opt={"rate_limit": SIGN_IN_RATE},
        responses=refusals(WrongCredentials, CodeRequired, SignInLocked),
    )
    async def sign_in(
        self, data: JSONBody[SignIn], request: Request[Any, Any, Any], services: NamedDependency[Services]
    ) -> SessionToken:
        """Sign in. An account with two steps needs `code`, here or together with the `ticket` of the refusal."""
        return SessionToken.of(
            await sign_in.sign_in(
                services.database,
                keyring=services.keyring,
                login=data.login,
                password=data.password,
                code=data.code,
                client=client_of(request, services.settings),
            )
        )

    @post(
        "/code",
        operation_id="auth_confirm_code",
        guards=[anyone],
        opt={"rate_limit": SIGN_IN_RATE},
        responses=refusals(WrongCredentials, SignInLocked),
    )
    async def confirm_code(
        self, data: JSONBody[CodeStep], request: Request[Any, Any, Any], services: NamedDependency[Services]
    ) -> SessionToken:
        """The second step of a sign-in."""
        return SessionToken.of(
            await sign_in.confirm_code(
                services.database,
                keyring=services.keyring,
                ticket=data.ticket,
                code=data.code,
                client=client_of(request, services.settings),
            )
        )

    @get(operation_id="auth_list_sessions", guards=[signed_in])
    async def list_sessions(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> list[SessionView]:
        """List where one is signed in, newest first."""
        return await sign_in.list_sessions(
            session, brand_id=principal.brand, account_id=principal.own_id, current_id=principal.session_id
        )

    @delete("/{session_id:uuid}", operation_id="auth_end_session", guards=[signed_in])
    async def end_session(
        self,
        session_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> None:
        """Sign out one of one's own devices."""
        await sign_in.end_session(
            session, brand_id=principal.brand, account_id=principal.own_id, session_id=session_id
        )

    @delete(operation_id="auth_sign_out_everywhere", guards=[signed_in])
    async def sign_out_everywhere(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> None:
        """End every session of one's own, this one included."""
        await sign_in.end_all_sessions(session, brand_id=principal.brand, account_id=principal.own_id)


class MeController(Controller):
    """One's own account."""

    path = "/me"
    guards = [signed_in]  # noqa: RUF012  Litestar's way to guard a controller

    @get(operation_id="auth_get_me")
    async def me(self, principal: NamedDependency[Principal]) -> Me:
        """Who is signed in, and with which roles."""
        return Me.of(principal)

    @put(
        "/password",
        operation_id="auth_change_password",
        status_code=204,
        responses=refusals(SignInLocked),
    )
    async def change_password(
        self,
        data: JSONBody[PasswordChange],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> None:
        """Choose one's own password; all other sessions end."""
        account_id = principal.own_id
        await sign_in.confirm_password(
            services.database, brand_id=principal.brand, account_id=account_id, password=data.current_password
        )
        async with services.database.unit_of_work(principal.brand) as session:
            await service.change_password(
                session,
                keyring=services.keyring,
                brand_id=principal.brand,
                account_id=account_id,
                session_id=principal.session_id,
                new_password=data.new_password,
            )

    @post("/second-factor", operation_id="auth_begin_second_factor", responses=refusals(SecondFactorOn))
    async def begin_second_factor(
        self,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Enrolment:
        """Begin to set up two-step sign-in: a secret for the authenticator app."""
        return await second_factor.enrol(
            session, keyring=services.keyring, brand_id=principal.brand, account_id=principal.own_id
        )

    @post(
        "/second-factor/confirm",
        operation_id="auth_confirm_second_factor",
        responses=refusals(SecondFactorOn, SecondFactorOff),
    )
    async def confirm_second_factor(
        self,
        data: JSONBody[CodeInput],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> RecoveryCodes:
        """Turn two-step sign-in on with a first code; answers with the recovery codes, once."""
        codes = await second_factor.confirm(
            session,
            keyring=services.keyring,
            brand_id=principal.brand,
            account_id=principal.own_id,
            code=data.code,
        )
        return RecoveryCodes(recovery_codes=codes)

    @post(
        "/second-factor/off",
        operation_id="auth_turn_off_second_factor",
        status_code=204,
        responses=refusals(SecondFactorOff, SignInLocked),
    )
    async def turn_off_second_factor(
        self,
        data: JSONBody[PasswordInput],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> None:
        """Turn two-step sign-in off; asks for the password again."""
        account_id = principal.own_id
        await sign_in.confirm_password(
            services.database, brand_id=principal.brand, account_id=account_id, password=data.current_password
        )
        async with services.database.unit_of_work(principal.brand) as session:
            await second_factor.turn_off(session, brand_id=principal.brand, account_id=account_id)
