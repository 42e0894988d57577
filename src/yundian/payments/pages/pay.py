"""The payer's page: choose, pay, wait, done. Nobody signs in: the address names the payment and is unguessable."""

import uuid
from dataclasses import dataclass
from typing import Any

import msgspec
import segno
from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template

from yundian.payments.errors import NoAccount, PaymentUnknown, ProviderRefused, ProviderUnavailable
from yundian.payments.rules import kind_for, read_page_token
from yundian.payments.schemas import PayChoice, provider_label
from yundian.payments.service import reading, starting, sweeping
from yundian.payments.service.accounts import list_accounts
from yundian.payments.states import AccountStatus, PaymentState
from yundian.payments.types import PaymentView, Provider, Started
from yundian.platform.auth.guards import anyone
from yundian.platform.core import clock
from yundian.platform.db.services import Services
from yundian.platform.web.context import current
from yundian.platform.web.forms import Form
from yundian.platform.web.pages import fragment, page, see_other


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the page shows of a payment."""

    brand_id: uuid.UUID
    payment: PaymentView
    providers: list[Provider]

    @property
    def standing(self) -> str:
        if self.payment.state is PaymentState.SUCCEEDED:
            return "paid"
        is_open = self.payment.state is PaymentState.PENDING and self.payment.expires_at > clock.now()
        return "open" if is_open else "closed"


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
        started: Started | None = None
        provider: Provider | None = None
        async with form.attempt():
            provider = form.parse(PayChoice).provider
            try:
                started = await _start(services, request, seen, provider, token)
            except (ProviderUnavailable, ProviderRefused, NoAccount) as refusal:
                form.refuse(refusal)
        return page(
            "payments/pay.html",
            status_code=form.status,
            form=form,
            provider=provider,
            started=started,
            code=_picture(started.qr_code) if started and started.qr_code else "",
            client=msgspec.json.encode(dict(started.client_parameters)).decode() if started else "",
            **_context(seen, token),
        )

    @get("/{token:str}/status", name="payments.pay.status", guards=[anyone])
    async def status(self, token: FromPath[str], services: NamedDependency[Services]) -> Template:
        """How it stands now: asked for every few seconds while somebody waits."""
        seen = await _see(services, token)
        return fragment("payments/_status.html", **_context(seen, token))

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
        return see_other(f"/pay/{token}")


async def _see(services: Services, token: str) -> _Seen:
    named = read_page_token(services.keyring, token)
    if named is None:
        raise PaymentUnknown
    brand_id, payment_id = named
    async with services.database.unit_of_work(brand_id) as session:
        payment = await reading.get_payment(session, payment_id=payment_id)
        accounts = await list_accounts(session)
    active = [one.provider for one in accounts if one.status is AccountStatus.ACTIVE]
    return _Seen(brand_id, payment, [one for one in Provider if one in active])


async def _start(
    services: Services, request: Request[Any, Any, Any], seen: _Seen, provider: Provider, token: str
) -> Started:
    async with services.database.unit_of_work(seen.brand_id) as session:
        has_payer = await starting.has_payer(session, payment_id=seen.payment.id)
    return await starting.start(
        services,
        providers=request.app.state.payment_providers,
        brand_id=seen.brand_id,
        payment_id=seen.payment.id,
        provider=provider,
        kind=kind_for(provider, user_agent=request.headers.get("User-Agent", ""), has_payer=has_payer),
        client_ip=current().client or "127.0.0.1",
        return_url=f"{services.settings.base_url}/pay/{token}/return",
    )


def _context(seen: _Seen, token: str) -> dict[str, Any]:
    return {
        "payment": seen.payment,
        "providers": seen.providers,
        "standing": seen.standing,
        "token": token,
        "provider_label": provider_label,
    }


def _picture(text: str) -> str:
    """The code as a picture inside the page."""
    return segno.make(text, error="m").svg_data_uri(scale=6, border=2)
