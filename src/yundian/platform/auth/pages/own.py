"""Signing in and out, and one's own account, on a screen."""

import uuid
from typing import Annotated, Any

import segno
from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect, Template
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.auth import rules, second_factor, service, sign_in
from yundian.platform.auth.cookies import cookie_name, ended_cookie, session_cookie
from yundian.platform.auth.errors import CodeRequired, SignInLocked, WrongCredentials
from yundian.platform.auth.guards import anyone, signed_in
from yundian.platform.auth.schemas import CodeInput, CodeStep, PasswordForm, PasswordInput, SignInForm
from yundian.platform.auth.screen import SIGN_IN_RATE, client_of
from yundian.platform.auth.types import Enrolment, SignedIn
from yundian.platform.core.principal import Principal
from yundian.platform.db.services import Services
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.pages import page, see_other

ACCOUNT = "/account"
PASSWORD_PAGE = f"{ACCOUNT}/password"
TWO_STEP = f"{ACCOUNT}/two-step"


Next = Annotated[str, QueryParameter(name="next", max_length=1000)]


class SignInPages(Controller):
    include_in_schema = False

    @get("/sign-in", name="auth.sign_in", guards=[anyone])
    async def form(self, principal: NamedDependency[Principal], next_path: Next = "") -> Template | Redirect:
        """The sign-in form; who is signed in already goes on."""
        target = rules.safe_return_path(next_path)
        if principal.is_authenticated:
            return see_other(target)
        return page("auth/sign_in.html", form=Form.of(next=target), is_locked=False)

    @post("/sign-in", name="auth.sign_in.try", guards=[anyone], opt={"rate_limit": SIGN_IN_RATE}, status_code=200)
    async def try_sign_in(
        self, request: Request[Any, Any, Any], services: NamedDependency[Services]
    ) -> Response[Any]:
        """Sign in, or ask for the code, or say that it did not work."""
        form = await Form.read(request)
        try:
            async with form.attempt():
                values = form.parse(SignInForm)
                done = await sign_in.sign_in(
                    services.database,
                    keyring=services.keyring,
                    login=values.login,
                    password=values.password,
                    code=None,
                    client=client_of(request, services.settings),
                )
                return _welcome(services, done, form)
        except CodeRequired as wanted:
            step = Form.of(ticket=str(wanted.facts["ticket"]), next=form.value("next"))
            return page("auth/code.html", form=step, is_locked=False)
        except WrongCredentials as refusal:
            form.refuse(refusal)
        return _refused("auth/sign_in.html", form)

    @post(
        "/sign-in/code",
        name="auth.sign_in.code",
        guards=[anyone],
        opt={"rate_limit": SIGN_IN_RATE},
        status_code=200,
    )
    async def confirm_code(
        self, request: Request[Any, Any, Any], services: NamedDependency[Services]
    ) -> Response[Any]:
        """The second step."""
        form = await Form.read(request)
        try:
            async with form.attempt():
                values = form.parse(CodeStep)
                done = await sign_in.confirm_code(
                    services.database,
                    keyring=services.keyring,
                    ticket=values.ticket,
                    code=values.code,
                    client=client_of(request, services.settings),
                )
                return _welcome(services, done, form)
        except WrongCredentials as refusal:
            form.refuse(refusal)
            form.message = _("This code is wrong, was used before, or came too late.")
        return _refused("auth/code.html", form)

    @post("/sign-out", name="auth.sign_out", guards=[anyone], status_code=303)
    async def sign_out(self, request: Request[Any, Any, Any], services: NamedDependency[Services]) -> Redirect:
        """End this browser's session."""
        token = request.cookies.get(cookie_name(services.settings), "")
        await sign_in.sign_out(services.database, token=token)
        answer = see_other("/sign-in", toast=_("You are signed out."))
        answer.cookies.append(ended_cookie(services.settings))
        return answer


class AccountPages(Controller):
    """One's own account: open to everybody who is signed in, also with a temporary password."""

    path = ACCOUNT
    include_in_schema = False
    guards = [signed_in]  # noqa: RUF012  Litestar's way to guard a controller

    @get(name="auth.account")
    async def account(
        self,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Template:
        """Name, roles, devices, and the way to the rest."""
        account_id = principal.own_id
        person = await service.person(
            session, keyring=services.keyring, brand_id=principal.brand, account_id=account_id
        )
        sessions = await sign_in.list_sessions(
            session, brand_id=principal.brand, account_id=account_id, current_id=principal.session_id
        )
        return page("auth/account.html", person=person, sessions=sessions)

    @post("/sessions/{session_id:uuid}/end", name="auth.account.end_session", status_code=303)
    async def end_session(
        self,
        session_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Redirect:
        await sign_in.end_session(
            session, brand_id=principal.brand, account_id=principal.own_id, session_id=session_id
        )
        return see_other(ACCOUNT, toast=_("That device is signed out."))

    @post("/sessions/end", name="auth.account.end_sessions", status_code=303)
    async def end_sessions(
        self,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Redirect:
        """Sign out everywhere, here included."""
        await sign_in.end_all_sessions(session, brand_id=principal.brand, account_id=principal.own_id)
        answer = see_other("/sign-in", toast=_("You are signed out everywhere."))
        answer.cookies.append(ended_cookie(services.settings))
        return answer

    @get("/password", name="auth.password")
    async def password_form(self) -> Template:
        return page("auth/password.html", form=Form.of())

    @post("/password", name="auth.password.save", status_code=200)
    async def save_password(
        self,
        request: Request[Any, Any, Any],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Choose one's own password; the other devices are signed out."""
        form = await Form.read(request)
        account_id = principal.own_id
        async with form.attempt():
            values = form.parse(PasswordForm)
            values.check_repeated()
            await sign_in.confirm_password(
                services.database,
                brand_id=principal.brand,
                account_id=account_id,
                password=values.current_password,
            )
            async with services.database.unit_of_work(principal.brand) as session:
                await service.change_password(
                    session,
                    keyring=services.keyring,
                    brand_id=principal.brand,
                    account_id=account_id,
                    session_id=principal.session_id,
                    new_password=values.new_password,
                )
        if form.failed:
            return page("auth/password.html", form=form, status_code=form.status)
        return see_other("/" if principal.must_change_password else ACCOUNT, toast=_("Your new password is set."))


class TwoStepPages(Controller):
    """Setting up and removing the second factor."""

    path = TWO_STEP
    include_in_schema = False
    guards = [signed_in]  # noqa: RUF012  Litestar's way to guard a controller

    @get(name="auth.two_step")
    async def show(
        self,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Template:
        """Off, being set up (with the QR code), or on."""
        return await _two_step(session, services, principal, Form.of())

    @post(name="auth.two_step.begin", status_code=303)
    async def begin(
        self,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Redirect:
        await second_factor.enrol(
            session, keyring=services.keyring, brand_id=principal.brand, account_id=principal.own_id
        )
        return see_other(TWO_STEP)

    @post("/confirm", name="auth.two_step.confirm", status_code=200)
    async def confirm(
        self,
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Template:
        """Turn it on with a first code, and show the recovery codes once."""
        form = await Form.read(request)
        codes: list[str] = []
        async with form.attempt(session):
            codes = await second_factor.confirm(
                session,
                keyring=services.keyring,
                brand_id=principal.brand,
                account_id=principal.own_id,
                code=form.parse(CodeInput).code,
            )
        if form.failed:
            return await _two_step(session, services, principal, form)
        return page("auth/recovery_codes.html", codes=codes)

    @post("/off", name="auth.two_step.off", status_code=200)
    async def turn_off(
        self,
        request: Request[Any, Any, Any],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Turn it off; asks for the password again."""
        form = await Form.read(request)
        account_id = principal.own_id
        async with form.attempt():
            await sign_in.confirm_password(
                services.database,
                brand_id=principal.brand,
                account_id=account_id,
                password=form.parse(PasswordInput).current_password,
            )
            async with services.database.unit_of_work(principal.brand) as session:
                await second_factor.turn_off(session, brand_id=principal.brand, account_id=account_id)
        if form.failed:
            async with services.database.unit_of_work(principal.brand) as session:
                return await _two_step(session, services, principal, form)
        return see_other(ACCOUNT, toast=_("Two-step sign-in is off."))


async def _two_step(session: AsyncSession, services: Services, principal: Principal, form: Form) -> Template:
    account_id = principal.own_id
    person = await service.person(
        session, keyring=services.keyring, brand_id=principal.brand, account_id=account_id
    )
    pending = await second_factor.pending(
        session, keyring=services.keyring, brand_id=principal.brand, account_id=account_id
    )
    return page(
        "auth/two_step.html",
        form=form,
        person=person,
        pending=pending,
        qr=_qr(pending) if pending else "",
        status_code=form.status,
    )


def _qr(enrolment: Enrolment) -> str:
    """The code as inline SVG: no request of its own, nothing that a cache could keep."""
    return segno.make_qr(enrolment.uri, error="m").svg_inline(scale=5, border=2, dark="#000", light="#fff")


def _welcome(services: Services, done: SignedIn, form: Form) -> Redirect:
    target = PASSWORD_PAGE if done.must_change_password else rules.safe_return_path(form.value("next"))
    answer = see_other(target)
    answer.cookies.append(session_cookie(services.settings, token=done.token, ends_at=done.ends_at))
    return answer


def _refused(template: str, form: Form) -> Template:
    is_locked = form.code == SignInLocked.code
    return page(template, form=form, is_locked=is_locked, status_code=form.status)
