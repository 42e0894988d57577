"""Documents from outside as they are staged, and the same documents as they are booked one by one."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from yundian.platform.core.ids import new_id, readable_code
from yundian.platform.db.database import Tx
from yundian.platform.db.services import Services
from yundian.reports import api
from yundian.reports.types import Basis, Document, DocumentLine, FactKind


@dataclass(frozen=True, kw_only=True)
class Line:
    line_no: int
    amount_minor: int
    quantity: int = 1


@dataclass(frozen=True, kw_only=True)
class Staged:
    """One row of ``reports_staged`` with its lines; fields are its columns."""

    document_id: uuid.UUID = field(default_factory=new_id)
    document_type: str = "order"
    kind: str = "sale"
    order_id: uuid.UUID
    number: str = field(default_factory=lambda: readable_code(12))
    channel: str = "pos:1"
    shop_id: uuid.UUID | None = None
    fulfil_shop_id: uuid.UUID | None = None
    home_shop_id: uuid.UUID | None = None
    staff_id: uuid.UUID | None = None
    campaign_id: uuid.UUID | None = None
    member_id: uuid.UUID | None = None
    country: str = ""
    province: str = ""
    currency: str = "CNY"
    accrual_at: dt.datetime | None = None
    accrual_minor: int = 0
    cash_at: dt.datetime | None = None
    cash_minor: int = 0
    has_before: bool = False
    time_zone: str = ""
    lines: tuple[Line, ...] = ()

    def documents(self) -> list[Document]:
        """What ``booking.book`` is told of the same."""
        told = [
            (Basis.ACCRUAL, self.accrual_at, self.accrual_minor, self.lines),
            (Basis.CASH, self.cash_at, self.cash_minor, ()),
        ]
        return [
            Document(
                kind=FactKind(self.kind), document_id=self.document_id,
                document_type="imported" if self.document_type == "order" else self.document_type,
                order_id=self.order_id, number=self.number, channel=self.channel, shop_id=self.shop_id,
                fulfil_shop_id=self.fulfil_shop_id, home_shop_id=self.home_shop_id, staff_id=self.staff_id,
                campaign_id=self.campaign_id, member_id=self.member_id, currency=self.currency, occurred_at=at,
                amount_minor=amount, bases=(basis,),
                lines=tuple(
                    DocumentLine(
                        line_no=line.line_no, sku_id=None, quantity=line.quantity, amount_minor=line.amount_minor
                    )
                    for line in lines
                ),
            )
            for basis, at, amount, lines in told
            if at is not None
        ]  # fmt: skip


_COLUMNS = [one.name for one in fields(Staged) if one.name != "lines"]


def sale(at: dt.datetime, *amounts: int, **more: object) -> Staged:
    """A sale that was paid at once."""
    document_id, total = new_id(), sum(amounts)
    lines = tuple(Line(line_no=n, amount_minor=amount) for n, amount in enumerate(amounts, start=1))
    known: dict[str, object] = {
        "document_id": document_id, "order_id": document_id, "accrual_at": at, "accrual_minor": total,
        "cash_at": at, "cash_minor": total, "lines": lines, **more,
    }  # fmt: skip
    return Staged(**known)  # type: ignore[arg-type]


async def stage(tx: Tx, documents: Sequence[Staged]) -> int:
    """Fill the tables and have numbers made of them; how many facts."""
    await api.open_staging(tx)
    await tx.copy("reports_staged", _COLUMNS, [[getattr(one, name) for name in _COLUMNS] for one in documents])
    await tx.copy(
        "reports_staged_line",
        ["document_id", "line_no", "quantity", "amount_minor"],
        [
            (one.document_id, line.line_no, line.quantity, line.amount_minor)
            for one in documents
            for line in one.lines
        ],
    )
    return await api.replace_staged(tx)


async def staged(services: Services, brand_id: uuid.UUID, documents: Sequence[Staged]) -> int:
    """The same in a transaction of its own."""
    async with services.database.connection(brand_id) as tx:
        return await stage(tx, documents)
