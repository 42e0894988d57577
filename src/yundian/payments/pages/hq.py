"""HQ's pages: payments and the life of each, refunds, money that fits nothing, merchants' accounts."""

import uuid
from decimal import Decimal
from typing import Annotated, Any

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.payments.schemas import (
    STANDING_TONES,
    TONES,
    AccountForm,
    OrphanLink,
    OrphanRefundForm,
    OrphanText,
    RefundForm,
    action_label,
    attempt_label,
    kind_label,
    notice_label,
    orphan_label,
    outcome_label,
    payment_label,
    provider_label,
    refund_label,
    standing_label,
)
from yundian.payments.service import accounts, orphans, reading, refunding, starting
from yundian.payments.states import OrphanStanding, PaymentState
from yundian.payments.types import PaymentFilter, Provider
from yundian.platform.auth.guards import requires
from yundian.platform.core.money import Money
from yundian.platform.core.principal import Principal, Role
from yundian.platform.db.services import Services
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.lists import Cursor
from yundian.platform.web.pages import page, see_other

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)

PAGE_SIZE = 50
_PAYMENTS, _ORPHANS, _ACCOUNTS = "/hq/payments", "/hq/orphans", "/hq/payment-accounts"

Search = Annotated[str, QueryParameter(max_length=64)]
Some = Annotated[str, QueryParameter(max_length=32)]
StateFilter = Annotated[str, QueryParameter(name="state", max_length=32)]

_LABELS: dict[str, Any] = {
    "payment_label": payment_label,
    "attempt_label": attempt_label,
    "kind_label": kind_label,
    "notice_label": notice_label,
    "outcome_label": outcome_label,
    "refund_label": refund_label,
    "orphan_label": orphan_label,
    "standing_label": standing_label,
    "standing_tones": STANDING_TONES,
    "action_label": action_label,
    "provider_label": provider_label,
    "tones": TONES,
}


class PaymentPages(Controller):
    path = _PAYMENTS
    include_in_schema = False

    @get(name="payments.payments", guards=[readers])
    async def list_payments(
        self,
        session: NamedDependency[AsyncSession],
        q: Search = "",
        state_filter: StateFilter = "",
        provider: Some = "",
        cursor: Cursor = None,
    ) -> Template:
        """Payments, newest first; found by a whole number, ours or the provider's."""
        wanted = PaymentFilter(
            state=PaymentState(state_filter) if state_filter in set(PaymentState) else None,
            provider=Provider(provider) if provider in set(Provider) else None,
            search=q.strip(),
        )
        return page(
            "payments/payments.html",
            payments=await reading.list_payments(session, wanted=wanted, cursor=cursor, limit=PAGE_SIZE),
            abnormal=await reading.abnormal_refunds(session),
            filters=Form.of(state=state_filter, provider=provider),
            search=q,
            is_filtered=wanted != PaymentFilter(),
            states=[(one.value, payment_label(one)) for one in PaymentState],
            providers=[(one.value, provider_label(one)) for one in Provider],
            **_LABELS,
        )

    @get("/{payment_id:uuid}", name="payments.payment", guards=[readers])
    async def show(self, payment_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]) -> Template:
        """The life of one payment."""
        return await _life(session, payment_id, Form.of())

    @post("/{payment_id:uuid}/refunds", name="payments.payment.refund", guards=[writers], status_code=200)
    @idempotent
    async def refund(
        self,
        payment_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Pay back, whole or in part."""
        payment = await reading.get_payment(session, payment_id=payment_id)
        form = await Form.read(request)
        async with form.attempt(session):
            wanted = form.parse(RefundForm)
            await refunding.request_refund(
                session,
                payment_id=payment_id,
                amount_minor=Money.from_decimal(Decimal(wanted.amount), payment.currency).minor,
                reason=wanted.reason,
                actor_id=principal.id,
            )
        if form.failed:
            return await _life(session, payment_id, form)
        return see_other(f"{_PAYMENTS}/{payment_id}", toast=_("The refund is on its way"))

    @post("/{payment_id:uuid}/close", name="payments.payment.close", guards=[writers], status_code=200)
    @idempotent
    async def close(
        self,
        payment_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
    ) -> Response[Any]:
        """Let nobody pay any more."""
        await reading.get_payment(session, payment_id=payment_id)
        await starting.begin_closing(session, payment_id=payment_id)
        return see_other(f"{_PAYMENTS}/{payment_id}", toast=_("It is being closed"))


class RefundPages(Controller):
    path = "/hq/refunds"
    include_in_schema = False

    @post("/{refund_id:uuid}/approve", name="payments.refund.approve", guards=[writers], status_code=200)
    @idempotent
    async def approve(
        self,
        refund_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Send it; an abnormal one again, under its own number."""
        form = await Form.read(request)
        async with form.attempt(session):
            await refunding.approve(session, refund_id=refund_id, actor_id=principal.id)
        return see_other(_PAYMENTS, toast=form.message or _("The refund is on its way"))

    @post("/{refund_id:uuid}/give-up", name="payments.refund.give_up", guards=[writers], status_code=200)
    @idempotent
    async def give_up(
        self,
        refund_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
    ) -> Response[Any]:
        """Reject it, or end one that was settled by hand."""
        form = await Form.read(request)
        async with form.attempt(session):
            await refunding.give_up(session, refund_id=refund_id)
        return see_other(_PAYMENTS, toast=form.message or _("The refund was given up"))


class OrphanPages(Controller):
    path = _ORPHANS
    include_in_schema = False

    @get(name="payments.orphans", guards=[readers])
    async def list_orphans(
        self, session: NamedDependency[AsyncSession], state_filter: StateFilter = "open", cursor: Cursor = None
    ) -> Template:
        """Money that fits nothing, newest first."""
        known = state_filter in set(OrphanStanding)
        standing = OrphanStanding(state_filter) if known else OrphanStanding.OPEN
        return page(
            "payments/orphans.html",
            orphans=await reading.list_orphans(session, standing=standing, cursor=cursor, limit=PAGE_SIZE),
            filters=Form.of(state=standing.value),
            statuses=[(one.value, standing_label(one)) for one in OrphanStanding],
            **_LABELS,
        )

    @get("/{orphan_id:uuid}", name="payments.orphan", guards=[readers])
    async def show(
        self, orphan_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession], q: Search = ""
    ) -> Template:
        """One of them, what was done about it, and payments it may belong to."""
        return await _orphan(session, orphan_id, Form.of(), search=q.strip())

    @post("/{orphan_id:uuid}/{action:str}", name="payments.orphan.act", guards=[writers], status_code=200)
    @idempotent
    async def act(
        self,
        orphan_id: FromPath[uuid.UUID],
        action: FromPath[str],
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Send it back, say where it belongs, keep a note, or end it."""
        await reading.get_orphan(session, orphan_id=orphan_id)
        form = await Form.read(request)
        async with form.attempt(session):
            await _act(session, orphan_id, action, form, principal.id)
        if form.failed:
            return await _orphan(session, orphan_id, form)
        return see_other(f"{_ORPHANS}/{orphan_id}", toast=_("Saved"))


async def _act(
    session: AsyncSession, orphan_id: uuid.UUID, action: str, form: Form, actor_id: uuid.UUID | None
) -> None:
    if action == "refund":
        reason = form.parse(OrphanRefundForm).reason
        await orphans.refund(session, orphan_id=orphan_id, reason=reason, actor_id=actor_id)
    elif action == "link":
        payment_id = form.parse(OrphanLink).payment_id
        await orphans.link(session, orphan_id=orphan_id, payment_id=payment_id, actor_id=actor_id)
    else:
        text = form.parse(OrphanText).text
        verb = orphans.resolve if action == "resolve" else orphans.note
        await verb(session, orphan_id=orphan_id, text=text, actor_id=actor_id)


class AccountPages(Controller):
    path = _ACCOUNTS
    include_in_schema = False

    @get(name="payments.accounts", guards=[writers])
    async def show(self, session: NamedDependency[AsyncSession], services: NamedDependency[Services]) -> Template:
        """The merchants' accounts; keys are never shown again."""
        return await _accounts(session, services, Form.of())

    @post(name="payments.accounts.add", guards=[writers], status_code=200)
    @idempotent
    async def add(
        self,
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
    ) -> Response[Any]:
        """Take payments through another account."""
        form = await Form.read(request)
        async with form.attempt(session):
            wanted = form.parse(AccountForm)
            account = wanted.account()
            # Keys that cannot be read are refused here, not at the first customer.
            request.app.state.payment_providers.of(account)
            await accounts.add_account(
                session,
                keyring=services.keyring,
                settings=services.settings,
                label=wanted.label,
                account=account,
            )
        if form.failed:
            return await _accounts(session, services, form)
        return see_other(_ACCOUNTS, toast=_("Saved"))

    @post("/{account_id:uuid}/retire", name="payments.accounts.retire", guards=[writers], status_code=200)
    @idempotent
    async def retire(
        self,
        account_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
    ) -> Response[Any]:
        """No new payments through it."""
        await accounts.retire_account(session, account_id=account_id)
        return see_other(_ACCOUNTS, toast=_("Saved"))


async def _life(session: AsyncSession, payment_id: uuid.UUID, form: Form) -> Template:
    life = await reading.life_of(session, payment_id=payment_id)
    return page("payments/payment.html", status_code=form.status, form=form, life=life, **_LABELS)


async def _orphan(session: AsyncSession, orphan_id: uuid.UUID, form: Form, *, search: str = "") -> Template:
    life = await reading.get_orphan(session, orphan_id=orphan_id)
    is_open = life.orphan.standing is OrphanStanding.OPEN
    return page(
        "payments/orphan.html",
        status_code=form.status,
        form=form,
        orphan=life.orphan,
        actions=life.actions,
        refunds=life.refunds,
        search=search,
        candidates=await reading.payments_for(session, orphan=life.orphan, search=search) if is_open else [],
        **_LABELS,
    )


async def _accounts(session: AsyncSession, services: Services, form: Form) -> Template:
    return page(
        "payments/accounts.html",
        status_code=form.status,
        form=form,
        accounts=await accounts.list_accounts(session),
        providers=[(one.value, provider_label(one)) for one in Provider],
        is_production=services.settings.is_production,
        **_LABELS,
    )
