"""The payer's page: choose, pay, wait, done. Nobody signs in: the address names the payment and is unguessable."""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

import msgspec
import segno
from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template

from yundian.brands import api as brands
from yundian.brands.types import PolicyView
from yundian.payments.errors import NoAccount, PaymentUnknown, ProviderRefused, ProviderUnavailable
from yundian.payments.rules import kind_for, read_page_token
from yundian.payments.schemas import PayChoice, provider_label
from yundian.payments.service import reading, starting, sweeping
from yundian.payments.service.accounts import list_accounts
from yundian.payments.states import AccountStatus, PaymentState
from yundian.payments.types import PaymentView, Provider, Started
from yundian.platform.auth.guards import anyone
from yundian.platform.core.settings import Settings
from yundian.platform.db.services import Services
from yundian.platform.web.context import current
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.i18n import told
from yundian.platform.web.pages import fragment, page, see_other
from yundian.platform.wechat.agents import is_wechat_browser


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the page shows of a payment, and whose it is."""

    brand_id: uuid.UUID
    policy: PolicyView
    payment: PaymentView
    providers: list[Provider]
    now: dt.datetime

    @property
    def standing(self) -> str:
        payment, now = self.payment, self.now
        if payment.state is PaymentState.SUCCEEDED:
            return "paid"
        if payment.state is PaymentState.PENDING and payment.expires_at > now:
            return "open"
        return "expired" if (payment.ended_at or now) >= payment.expires_at else "closed"


class PayPages(Controller):
    path = "/pay"
    include_in_schema = False

    @get("/{token:str}", name="payments.pay", guards=[anyone])
    async def choose(self, token: FromPath[str], services: NamedDependency[Services]) -> Template:
        """Choose how to pay, or see that it is paid or closed."""
        seen = await _see(services, token)
        return page("payments/pay.html", **_context(seen, token))

    @post("/{token:str}", name="payments.pay.start", guards=[anyone], status_code=200)
    async def begin(
        self, token: FromPath[str], request: Request[Any, Any, Any], services: NamedDependency[Services]
    ) -> Response[Any]:
        """Show the code, or go to the provider's page. Sending the form again shows the same code."""
        seen = await _see(services, token)
        if seen.standing != "open":
            return see_other(f"/pay/{token}")
        form = await Form.read(request)
        started, choice = None, None
        async with form.attempt():
            choice = form.parse(PayChoice)
            try:
                started = await _start(services, request, seen, choice, token)
            except (ProviderUnavailable, ProviderRefused, NoAccount) as refusal:
                form.refuse(refusal)
        if started is None or choice is None:
            return page("payments/pay.html", status_code=form.status, form=form, **_context(seen, token))
        return page(
            "payments/pay.html",
            way=_way(services.settings, request, choice, started),
            **_context(seen, token),
        )

    @get("/{token:str}/status", name="payments.pay.status", guards=[anyone])
    async def status(self, token: FromPath[str], services: NamedDependency[Services]) -> Template:
        """How it stands now: asked for every few seconds while somebody waits, who is shown the end of it."""
        seen = await _see(services, token)
        ended = {} if seen.standing == "open" else {"HX-Redirect": f"/pay/{token}"}
        return fragment("payments/_status.html", headers=ended, **_context(seen, token))

    @get("/{token:str}/return", name="payments.pay.return", guards=[anyone])
    async def come_back(
        self, token: FromPath[str], request: Request[Any, Any, Any], services: NamedDependency[Services]
    ) -> Response[Any]:
        """The payer comes back from the provider: ask there, for coming back proves nothing."""
        seen = await _see(services, token)
        if seen.standing == "open":
            await sweeping.look_at(
                services.database,
                keyring=services.keyring,
                providers=request.app.state.payment_providers,
                brand_id=seen.brand_id,
                payment_id=seen.payment.id,
            )
            seen = await _see(services, token)
        return see_other(
            f"/pay/{token}", toast=_("No payment has arrived yet.") if seen.standing == "open" else ""
        )


async def _see(services: Services, token: str) -> _Seen:
    named = read_page_token(services.keyring, token)
    if named is None:
        raise PaymentUnknown
    brand_id, payment_id = named
    async with services.database.unit_of_work(brand_id) as session:
        payment, now = await reading.get_payment_now(session, payment_id=payment_id)
        accounts = await list_accounts(session)
        policy = await brands.get_policy(session, brand_id=brand_id)
    active = [one.provider for one in accounts if one.status is AccountStatus.ACTIVE]
    return _Seen(brand_id, policy, payment, [one for one in Provider if one in active], now)


async def _start(
    services: Services, request: Request[Any, Any, Any], seen: _Seen, choice: PayChoice, token: str
) -> Started:
    async with services.database.unit_of_work(seen.brand_id) as session:
        has_payer = await starting.has_payer(session, payment_id=seen.payment.id)
    return await starting.start(
        services,
        providers=request.app.state.payment_providers,
        brand_id=seen.brand_id,
        payment_id=seen.payment.id,
        provider=choice.provider,
        kind=kind_for(
            choice.provider,
            user_agent=request.headers.get("User-Agent", ""),
            has_payer=has_payer,
            is_page_wanted=choice.way == "page",
            is_wechat_everywhere=bool(_sandbox_of(services.settings)),
        ),
        client_ip=current().client or "127.0.0.1",
        return_url=f"{services.settings.base_url}/pay/{token}/return",
    )


def _sandbox_of(settings: Settings) -> str:
    """Where the sandbox is, whose script makes a WeChat of every browser; empty in production."""
    return "" if settings.is_production else settings.wechat_url.rstrip("/")


def _way(
    settings: Settings, request: Request[Any, Any, Any], choice: PayChoice, started: Started
) -> dict[str, Any]:
    """What the page needs to go on: a code to scan, an address to go to, or WeChat's parameters."""
    sandbox = _sandbox_of(settings)
    client = dict(started.client_parameters)
    is_code = bool(started.qr_code)
    return {
        "provider": choice.provider,
        "code": segno.make_qr(started.qr_code, error="m").svg_data_uri(scale=6, border=2) if is_code else "",
        "cashier": started.qr_code if sandbox and started.qr_code.startswith(f"{sandbox}/") else "",
        "has_page": is_code and choice.provider is Provider.ALIPAY and not _is_in_wechat(request),
        "redirect_url": started.redirect_url,
        "client": msgspec.json.encode(client).decode() if client else "",
        "script": f"{sandbox}/res/jweixin-1.6.0.js" if client and sandbox else "",
    }


def _is_in_wechat(request: Request[Any, Any, Any]) -> bool:
    """Alipay's pages do not open there."""
    return is_wechat_browser(request.headers.get("User-Agent", ""))


def _context(seen: _Seen, token: str) -> dict[str, Any]:
    return {
        "brand_name": told(seen.policy).display_name,
        "zone": seen.policy.time_zone,
        "payment": seen.payment,
        "providers": seen.providers,
        "standing": seen.standing,
        "token": token,
        "provider_label": provider_label,
    }
