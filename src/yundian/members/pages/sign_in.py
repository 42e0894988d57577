"""Signing in on a phone: through WeChat, or with a code to the phone."""

import uuid
from typing import Annotated, Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect, Template

from yundian.brands import api as brands
from yundian.brands.types import BrandView
from yundian.members import rules
from yundian.members.errors import CodeNotSent, WeChatAppUnknown
from yundian.members.pages.shared import (
    client_of,
    is_in_wechat,
    next_of,
    sign_in_page,
    sms_of,
    trip_cookie,
    trip_cookie_name,
    wechat_of,
)
from yundian.members.schemas import CodeForm, PhoneForm
from yundian.members.service import apps, phone, wechat
from yundian.members.types import AppKind
from yundian.platform.auth.cookies import customer_cookie
from yundian.platform.auth.guards import FOR_CUSTOMERS, anyone
from yundian.platform.core.errors import DomainError, InvalidInput
from yundian.platform.core.principal import Principal
from yundian.platform.db.services import Services
from yundian.platform.web.forms import Form
from yundian.platform.web.pages import AnyRequest, page, see_other
from yundian.platform.web.problems import translated
from yundian.platform.wechat.errors import LoginCodeRejected
from yundian.platform.wechat.types import Scope

# Per address, behind which a whole town may sit; the tries of each code are counted in the database.
_RATE = "120/minute"
_RATED: dict[str, Any] = {"rate_limit": _RATE}

Next = Annotated[str, QueryParameter(name="next", max_length=1000)]
Stay = Annotated[str, QueryParameter(name="stay", max_length=10)]
Code = Annotated[str, QueryParameter(name="code", max_length=200)]
OneTime = Annotated[str, QueryParameter(name="state", max_length=200)]
Asked = Annotated[str, QueryParameter(name="scope", max_length=40)]


class CustomerSignInPages(Controller):
    path = "/m/{brand_code:str}/sign-in"
    include_in_schema = False
    guards = [anyone]  # noqa: RUF012  Litestar's way to guard a controller
    opt = FOR_CUSTOMERS

    @get(name="members.sign_in")
    async def choose(
        self,
        brand_code: FromPath[str],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        next_path: Next = "",
        stay: Stay = "",
    ) -> Template | Redirect:
        """WeChat or the phone. Inside WeChat nobody is asked, but for those who just signed out (``stay``)."""
        brand, target = (
            await brands.brand_in_address(services.database, brand_code),
            next_of(next_path, brand_code),
        )
        if principal.is_customer_of(brand_code):
            return see_other(target)
        way = await _way_through_wechat(request, services, brand, target)
        if way and is_in_wechat(request) and not stay:
            return see_other(way)
        return page("members/sign_in.html", form=Form.of(next=target), brand=brand, way=way)

    @get("/wechat", name="members.wechat.depart", opt=_RATED)
    async def depart(
        self,
        brand_code: FromPath[str],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        next_path: Next = "",
        asked: Asked = Scope.SILENT.value,
    ) -> Redirect:
        """To WeChat: silently, or with the question for name and picture. Who is signed in binds her account."""
        brand = await brands.brand_in_address(services.database, brand_code)
        app = await apps.app_of_brand(
            services.database, keyring=services.keyring, brand_id=brand.id, kind=AppKind.OFFICIAL
        )
        if app is None:
            raise WeChatAppUnknown
        base = services.settings.public_url or str(request.base_url)
        departure = wechat.depart(
            wechat_of(request).of(app),
            keyring=services.keyring,
            brand_id=brand.id,
            redirect_uri=f"{base.rstrip('/')}/m/{brand_code}/sign-in/wechat/back",
            scope=Scope.CONSENT if asked == Scope.CONSENT.value else Scope.SILENT,
            next_path=next_of(next_path, brand_code),
            member_id=principal.own_id if principal.is_customer_of(brand_code) else None,
        )
        answer = Redirect(departure.url, status_code=303)
        seconds = int(rules.WECHAT_TRIP.total_seconds())
        answer.cookies.append(trip_cookie(services.settings, departure.cookie, seconds=seconds))
        return answer

    @get("/wechat/back", name="members.wechat.arrive", opt=_RATED)
    async def arrive(
        self,
        brand_code: FromPath[str],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        code: Code = "",
        one_time: OneTime = "",
    ) -> Redirect:
        """Back from WeChat, signed in; or to the sign-in page, which says why not."""
        brand = await brands.brand_in_address(services.database, brand_code)
        here = principal.is_customer_of(brand_code)
        target = sign_in_page(brand_code, stay="1")
        try:
            trip = wechat.trip_of(
                services.keyring,
                brand_id=brand.id,
                cookie=request.cookies.get(trip_cookie_name(services.settings), ""),
                state=one_time,
            )
            target = trip.next if trip.member_id else sign_in_page(brand_code, stay="1", next=trip.next)
            answer = await _arrived(request, services, brand, trip, code, principal.own_id if here else None)
        except DomainError as refusal:
            answer = see_other(target, toast=translated(refusal.title))
        answer.cookies.append(trip_cookie(services.settings, "", seconds=0))
        return answer

    @get(["/phone", "/code"], name="members.phone.reloaded", sync_to_thread=False)
    def reloaded(self, brand_code: FromPath[str]) -> Redirect:
        """A form's answer, asked for again by its address: begin where the form is."""
        return see_other(sign_in_page(brand_code))

    @post("/phone", name="members.phone.send", opt=_RATED, status_code=200)
    async def send_code(
        self, brand_code: FromPath[str], request: AnyRequest, services: NamedDependency[Services]
    ) -> Template:
        """Send a code and ask for it."""
        brand, form = await brands.brand_in_address(services.database, brand_code), await Form.read(request)
        ticket = await ticket_of(form, request, services, brand, member_id=None)
        target = next_of(form.value("next"), brand_code)
        if ticket:
            return _code_page(brand, services, Form.of(next=target, ticket=ticket))
        if form.value("ticket"):
            return _code_page(brand, services, form)
        way = await _way_through_wechat(request, services, brand, target)
        return page("members/sign_in.html", form=form, brand=brand, way=way, status_code=form.status)

    @post("/code", name="members.phone.confirm", opt=_RATED, status_code=200)
    async def confirm_code(
        self, brand_code: FromPath[str], request: AnyRequest, services: NamedDependency[Services]
    ) -> Response[Any]:
        """Sign in with the code, or say that it is wrong."""
        brand, form = await brands.brand_in_address(services.database, brand_code), await Form.read(request)
        async with form.attempt():
            values = form.parse(CodeForm)
            done = await phone.sign_in(
                services.database,
                keyring=services.keyring,
                brand_id=brand.id,
                ticket=values.ticket,
                code=values.code,
                client=client_of(request, services.settings),
            )
            answer = see_other(next_of(form.value("next"), brand_code))
            answer.cookies.append(customer_cookie(services.settings, token=done.token, ends_at=done.ends_at))
            return answer
        return _code_page(brand, services, form)


async def ticket_of(
    form: Form, request: AnyRequest, services: Services, brand: BrandView, *, member_id: uuid.UUID | None
) -> str:
    """Send a code as the form says; the ticket to use it with, or nothing when the form has something to show."""
    try:
        async with form.attempt():
            return await _sent(form.parse(PhoneForm), request, services, brand, member_id)
    except CodeNotSent as refusal:
        form.refuse(refusal)
    return ""


async def _sent(
    values: PhoneForm, request: AnyRequest, services: Services, brand: BrandView, member_id: uuid.UUID | None
) -> str:
    """To the phone of the form, or again to that of its ticket. Who becomes a member agrees first."""
    if member_id is None and not values.agree:
        raise InvalidInput("agree", "Agree to go on")
    number = values.phone
    if values.ticket:
        number = phone.phone_of(services.keyring, ticket=values.ticket)
    if number is None:
        raise InvalidInput("phone", "Required")
    return await phone.send_code(
        services.database,
        keyring=services.keyring,
        sms=sms_of(request),
        brand_id=brand.id,
        brand_name=brand.name,
        phone=number,
        member_id=member_id,
        address=client_of(request, services.settings).ip,
        request_key=str((await request.form()).get("_idempotency_key", "")) or None,
    )


async def _arrived(
    request: AnyRequest,
    services: Services,
    brand: BrandView,
    trip: wechat.Trip,
    code: str,
    member_id: uuid.UUID | None,
) -> Redirect:
    app = await apps.app_of_brand(
        services.database, keyring=services.keyring, brand_id=brand.id, kind=AppKind.OFFICIAL
    )
    if app is None:
        raise WeChatAppUnknown
    if not code:
        # The person said no.
        raise LoginCodeRejected(0)
    arrival = await wechat.arrive(
        services.database,
        keyring=services.keyring,
        wechat=wechat_of(request).of(app),
        trip=trip,
        code=code,
        member_id=member_id,
        client=client_of(request, services.settings),
    )
    answer = see_other(arrival.next)
    if arrival.signed_in is not None:
        done = arrival.signed_in
        answer.cookies.append(customer_cookie(services.settings, token=done.token, ends_at=done.ends_at))
    return answer


async def _way_through_wechat(request: AnyRequest, services: Services, brand: BrandView, target: str) -> str:
    """The address that leads through WeChat, where its page opens: in WeChat, and in the sandbox."""
    if not (is_in_wechat(request) or services.settings.wechat_url):
        return ""
    app = await apps.app_of_brand(
        services.database, keyring=services.keyring, brand_id=brand.id, kind=AppKind.OFFICIAL
    )
    return sign_in_page(brand.code, next=target).replace("/sign-in", "/sign-in/wechat", 1) if app else ""


def code_page(brand: BrandView, services: Services, form: Form, *, action: str) -> Template:
    """Where the code is entered, and another one asked for."""
    return page(
        "members/code.html",
        form=form,
        brand=brand,
        phone=phone.shown_phone(services.keyring, ticket=form.value("ticket")),
        gap=int(rules.PHONE_GAP.total_seconds()),
        action=action,
        status_code=form.status,
    )


def _code_page(brand: BrandView, services: Services, form: Form) -> Template:
    return code_page(brand, services, form, action=sign_in_page(brand.code))
