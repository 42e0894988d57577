"""The JSON API of payments, for HQ: admins act, analysts read."""

import uuid
from typing import Annotated

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.payments.errors import (
    NotRefundable,
    OrphanTaken,
    OrphanUnknown,
    PaymentUnknown,
    TooManyRefunds,
)
from yundian.payments.schemas import OrphanNote, OrphanRefund, OrphanTarget, RefundRequest
from yundian.payments.service import orphans, reading, refunding, starting
from yundian.payments.states import OrphanStanding, PaymentState
from yundian.payments.types import (
    OrphanLife,
    OrphanView,
    PaymentFilter,
    PaymentLife,
    PaymentView,
    Provider,
    RefundView,
)
from yundian.platform.auth.guards import requires
from yundian.platform.core.principal import Principal, Role
from yundian.platform.db.paging import Page
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.lists import Cursor, Limit
from yundian.platform.web.openapi import refusals

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)

Search = Annotated[
    str,
    QueryParameter(max_length=64, description="A whole number: ours, the provider's, or an id of the subject."),
]
# ``state`` is a name that Litestar keeps for itself.
StateFilter = Annotated[PaymentState | None, QueryParameter(name="state")]


class PaymentController(Controller):
    path = "/payments"

    @get(operation_id="payments_list_payments", guards=[readers])
    async def list_payments(
        self,
        session: NamedDependency[AsyncSession],
        state_filter: StateFilter = None,
        provider: FromQuery[Provider | None] = None,
        search: Search = "",
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[PaymentView]:
        """List payments, newest first."""
        wanted = PaymentFilter(state=state_filter, provider=provider, search=search.strip())
        return await reading.list_payments(session, wanted=wanted, cursor=cursor, limit=limit)

    @get(
        "/{payment_id:uuid}",
        operation_id="payments_get_payment",
        guards=[readers],
        responses=refusals(PaymentUnknown),
    )
    async def get_payment(
        self, payment_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]
    ) -> PaymentLife:
        """Get a payment with its attempts, notices, refunds and orphans."""
        return await reading.life_of(session, payment_id=payment_id)

    @post(
        "/{payment_id:uuid}/refunds",
        operation_id="payments_refund_payment",
        guards=[writers],
        responses=refusals(PaymentUnknown, NotRefundable, TooManyRefunds),
    )
    @idempotent
    async def refund(
        self,
        payment_id: FromPath[uuid.UUID],
        data: JSONBody[RefundRequest],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> RefundView:
        """Pay back, whole or in part. The provider is asked afterwards: read the payment for how it ended."""
        return await refunding.request_refund(
            session,
            payment_id=payment_id,
            amount_minor=data.amount_minor,
            reason=data.reason,
            actor_id=principal.id,
        )

    @post(
        "/{payment_id:uuid}/close",
        operation_id="payments_close_payment",
        guards=[writers],
        status_code=200,
        responses=refusals(PaymentUnknown),
    )
    @idempotent
    async def close(self, payment_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]) -> PaymentView:
        """Let nobody pay any more. Paying may be faster; an ended payment stays as it is."""
        await reading.get_payment(session, payment_id=payment_id)
        await starting.begin_closing(session, payment_id=payment_id)
        return await reading.get_payment(session, payment_id=payment_id)


class OrphanController(Controller):
    path = "/payment-orphans"

    @get(operation_id="payments_list_orphans", guards=[readers])
    async def list_orphans(
        self,
        session: NamedDependency[AsyncSession],
        status: FromQuery[OrphanStanding] = OrphanStanding.OPEN,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[OrphanView]:
        """List money that fits nothing, newest first; ``open`` is what nobody has done anything about."""
        return await reading.list_orphans(session, standing=status, cursor=cursor, limit=limit)

    @get(
        "/{orphan_id:uuid}",
        operation_id="payments_get_orphan",
        guards=[readers],
        responses=refusals(OrphanUnknown),
    )
    async def get_orphan(
        self, orphan_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]
    ) -> OrphanLife:
        """Get one of them, with what was done about it and what went back."""
        return await reading.get_orphan(session, orphan_id=orphan_id)

    @post(
        "/{orphan_id:uuid}/refund",
        operation_id="payments_refund_orphan",
        guards=[writers],
        status_code=200,
        responses=refusals(OrphanUnknown, NotRefundable, OrphanTaken),
    )
    @idempotent
    async def refund(
        self,
        orphan_id: FromPath[uuid.UUID],
        data: JSONBody[OrphanRefund],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> OrphanLife:
        """Send all that is left of it back."""
        await orphans.refund(session, orphan_id=orphan_id, reason=data.reason, actor_id=principal.id)
        return await reading.get_orphan(session, orphan_id=orphan_id)

    @post(
        "/{orphan_id:uuid}/link",
        operation_id="payments_link_orphan",
        guards=[writers],
        status_code=200,
        responses=refusals(OrphanUnknown, PaymentUnknown, OrphanTaken),
    )
    @idempotent
    async def link(
        self,
        orphan_id: FromPath[uuid.UUID],
        data: JSONBody[OrphanTarget],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> OrphanLife:
        """Say which payment it belongs to. No money moves."""
        await orphans.link(session, orphan_id=orphan_id, payment_id=data.payment_id, actor_id=principal.id)
        return await reading.get_orphan(session, orphan_id=orphan_id)

    @post(
        "/{orphan_id:uuid}/notes",
        operation_id="payments_note_orphan",
        guards=[writers],
        status_code=200,
        responses=refusals(OrphanUnknown),
    )
    @idempotent
    async def note(
        self,
        orphan_id: FromPath[uuid.UUID],
        data: JSONBody[OrphanNote],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> OrphanLife:
        """Keep what was found out."""
        await orphans.note(session, orphan_id=orphan_id, text=data.text, actor_id=principal.id)
        return await reading.get_orphan(session, orphan_id=orphan_id)

    @post(
        "/{orphan_id:uuid}/resolve",
        operation_id="payments_resolve_orphan",
        guards=[writers],
        status_code=200,
        responses=refusals(OrphanUnknown),
    )
    @idempotent
    async def resolve(
        self,
        orphan_id: FromPath[uuid.UUID],
        data: JSONBody[OrphanNote],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> OrphanLife:
        """Say that nothing more is to be done; a second time is nothing."""
        await orphans.resolve(session, orphan_id=orphan_id, text=data.text, actor_id=principal.id)
        return await reading.get_orphan(session, orphan_id=orphan_id)
