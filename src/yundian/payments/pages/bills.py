"""HQ's pages: what the providers' bills of each day said beside our books."""

import uuid
from typing import Any

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.payments.schemas import BILL_TONES, bill_failure, bill_label, gap_label, provider_label
from yundian.payments.service import bill_days
from yundian.platform.auth.guards import requires
from yundian.platform.core.principal import Role
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.lists import Cursor
from yundian.platform.web.pages import page, see_other

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)

PAGE_SIZE = 50
_BILLS = "/hq/payment-bills"
_LABELS: dict[str, Any] = {
    "bill_label": bill_label,
    "bill_failure": bill_failure,
    "gap_label": gap_label,
    "provider_label": provider_label,
    "tones": BILL_TONES,
}


class BillPages(Controller):
    path = _BILLS
    include_in_schema = False

    @get(name="payments.bills", guards=[readers])
    async def list_bills(self, session: NamedDependency[AsyncSession], cursor: Cursor = None) -> Template:
        """Each merchant's days, latest first."""
        found = await bill_days.list_bills(session, cursor=cursor, limit=PAGE_SIZE)
        findings = await bill_days.count_findings(session)
        return page("payments/bills.html", bills=found, findings=findings, **_LABELS)

    @get("/{bill_id:uuid}", name="payments.bill", guards=[readers])
    async def show(self, bill_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]) -> Template:
        """One day, and what differs."""
        bill, gaps = await bill_days.get_bill(session, bill_id=bill_id)
        return page("payments/bill.html", bill=bill, gaps=gaps, **_LABELS)

    @post("/{bill_id:uuid}/fetch", name="payments.bill.fetch", guards=[writers], status_code=200)
    @idempotent
    async def fetch(
        self,
        bill_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
    ) -> Response[Any]:
        """Fetch it anew, and hold it against our books."""
        await bill_days.fetch_again(session, bill_id=bill_id)
        return see_other(f"{_BILLS}/{bill_id}", toast=_("It is fetched within minutes"))
