"""The demo brand's last weeks at its tills and on Tmall: made up, and taken in as files of orders are."""

import datetime as dt
import random
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from yundian.app.demo.files import rows
from yundian.channels.service import counting
from yundian.channels.service.importing import MAPPINGS, import_file
from yundian.channels.types import (
    Buyer,
    DocumentIdentity,
    DocumentLine,
    DocumentRefund,
    DocumentState,
    IdentityType,
    OrderDocument,
    RefundLine,
)
from yundian.platform.core import clock
from yundian.platform.db.services import Services
from yundian.platform.intake import mapping as mappings

_DAYS = 60
_ZONE = ZoneInfo("Asia/Shanghai")
_BUYERS = 160
# Orders of a day, from Monday to Sunday.
_TILL = (8, 7, 8, 9, 12, 18, 16)
_TMALL = (5, 5, 4, 5, 5, 4, 6)
_PROVINCES = ("江苏省", "浙江省", "广东省", "山东省", "福建省", "河北省", "四川省", "北京市")
# A till that nobody has set up, and its province: what the quarantine is for.
_STRANGER = ("SH999", "上海市")


@dataclass(frozen=True)
class _Counter:
    """What there is to sell, where, and the dice."""

    skus: list[dict[str, str]]
    shops: list[tuple[str, str]]
    dice: random.Random

    def lines(self) -> tuple[DocumentLine, ...]:
        count = self.dice.choice((1, 1, 1, 2, 2, 3))
        return tuple(self._line(number, sku) for number, sku in enumerate(self.dice.sample(self.skus, count), 1))

    def _line(self, number: int, sku: dict[str, str]) -> DocumentLine:
        quantity, price = self.dice.choice((1, 1, 1, 2)), round(float(sku["price"]) * 100)
        return DocumentLine(
            line_id=str(number),
            sku=sku["sku_code"],
            name=f"{sku['name']} {sku['shade_name']}".strip(),
            quantity=quantity,
            unit_minor=price,
            total_minor=price * quantity,
        )

    def buyer(self, identity: Callable[[int], DocumentIdentity], *, strangers: float) -> Buyer:
        """A few buy often, most once or twice; ``strangers`` leave no name."""
        if self.dice.random() < strangers:
            return Buyer()
        return Buyer(identities=(identity(int(_BUYERS * self.dice.random() ** 1.3)),))

    def refunds(self, line: DocumentLine, sold_at: dt.datetime, until: dt.datetime) -> tuple[DocumentRefund, ...]:
        """One order in twenty gives its first line back within the week."""
        at = sold_at + dt.timedelta(hours=self.dice.randint(20, 150))
        if self.dice.random() > 0.05 or at > until:
            return ()
        back = RefundLine(line_id=line.line_id, quantity=line.quantity, amount_minor=line.total_minor)
        return (DocumentRefund(refund_id="1", at=at, amount_minor=line.total_minor, lines=(back,)),)


async def ensure_history(services: Services, brand_id: uuid.UUID) -> None:
    """Once: a channel that has received anything stays as it is."""
    mapping = mappings.load(MAPPINGS / "canonical_jsonl.toml")
    for code, documents in {"pos": _till_documents, "tmall": _tmall_documents}.items():
        if await counting.totals(services.database, brand=brand_id, channel=code):
            continue
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"{code}.jsonl"
            file.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in documents(clock.now())))
            await import_file(services.database, code, file, mapping, brand=brand_id)


def _counter(seed: str) -> _Counter:
    return _Counter(
        skus=[row for row in rows("products.csv") if row["status"] == "on_sale"],
        shops=[(row["code"], row["province"]) for row in rows("shops.csv") if row["status"] == "open"],
        dice=random.Random(seed),  # noqa: S311 (not for secrets)
    )


def _till_documents(now: dt.datetime) -> Iterator[OrderDocument]:
    counter = _counter("pos")
    for number, at in enumerate(_moments(counter.dice, now, a_day=_TILL), 1):
        # The first shops sell more than the last.
        at_shop = counter.shops[int(len(counter.shops) * counter.dice.random() ** 1.6)]
        shop, province = _STRANGER if number % 200 == 0 else at_shop
        lines = counter.lines()
        yield OrderDocument(
            external_id=f"{at:%y%m%d}-{number:04}",
            placed_at=at,
            currency="CNY",
            total_minor=sum(line.total_minor for line in lines),
            shop_code=shop,
            country="CN",
            province=province,
            buyer=counter.buyer(_card, strangers=0.35),
            lines=lines,
            refunds=counter.refunds(lines[0], at, now),
        )


def _tmall_documents(now: dt.datetime) -> Iterator[OrderDocument]:
    counter = _counter("tmall")
    for number, at in enumerate(_moments(counter.dice, now, a_day=_TMALL), 1):
        lines = counter.lines()
        is_paid = counter.dice.random() > 0.06
        yield OrderDocument(
            external_id=f"{24_000_000 + number * 37}",
            placed_at=at,
            currency="CNY",
            total_minor=sum(line.total_minor for line in lines),
            state=DocumentState.COMPLETED if is_paid else DocumentState.CLOSED,
            country="CN",
            province=counter.dice.choice(_PROVINCES),
            buyer=counter.buyer(_phone, strangers=0.1),
            lines=lines,
            refunds=counter.refunds(lines[0], at, now) if is_paid else (),
        )


def _moments(dice: random.Random, now: dt.datetime, *, a_day: tuple[int, ...]) -> Iterator[dt.datetime]:
    """When something was sold until now: more at the weekend, and a little more from week to week."""
    today = now.astimezone(_ZONE).date()
    for back in range(_DAYS, -1, -1):
        day = today - dt.timedelta(days=back)
        count = round(a_day[day.weekday()] * (1.2 - 0.5 * back / _DAYS) + dice.uniform(-1, 1))
        for minute in sorted(dice.randint(10 * 60, 21 * 60) for _ in range(count)):
            at = dt.datetime.combine(day, dt.time(minute // 60, minute % 60), _ZONE)
            if at < now:
                yield at.astimezone(dt.UTC)


def _card(buyer: int) -> DocumentIdentity:
    """Every third has told the shop her phone, so that her orders of both channels meet."""
    if buyer % 3 == 0:
        return _phone(buyer)
    return DocumentIdentity(type=IdentityType.CARD, value=f"DT{buyer:06}", scope="pos", verified=True)


def _phone(buyer: int) -> DocumentIdentity:
    return DocumentIdentity(type=IdentityType.PHONE, value=f"+86199000{buyer:05}", verified=True)
