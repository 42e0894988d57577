"""Different members who bought: counted sale by sale, or member by member where that is less to look at."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from yundian.platform.outbox.door import Door
from yundian.reports import rules
from yundian.reports.repository import buyers, reading
from yundian.reports.types import By, Figures, SalesQuery

_BY_MEMBER: Mapping[By, Callable[..., Awaitable[Mapping[Any, int]]]] = {
    By.MONTH: buyers.count_months,
    By.SHOP: buyers.count_shops,
}


async def of_all(door: Door, *, wanted: SalesQuery, sums: list[Figures]) -> dict[str, int]:
    """How many over the whole range, by currency. ``sums`` are the figures of the range, of each currency."""
    currencies = await _by_member(door, wanted, sums)
    people = {
        currency: await buyers.count(
            door, basis=wanted.basis, currency=currency, first=wanted.first, last=wanted.last
        )
        for currency in currencies
    }
    found = await _by_sale(door, wanted, sums, currencies, is_total=True)
    return people | {currency: count for (_, currency), count in found.items()}


async def of_each(door: Door, *, wanted: SalesQuery, sums: list[Figures]) -> dict[tuple[Any, str], int]:
    """How many of each key and currency."""
    currencies = await _by_member(door, wanted, sums) if wanted.by in _BY_MEMBER else []
    found = await _by_sale(door, wanted, sums, currencies, is_total=False)
    for currency in currencies:
        people = await _BY_MEMBER[wanted.by](
            door, basis=wanted.basis, currency=currency, first=wanted.first, last=wanted.last
        )
        found |= {(key, currency): number for key, number in people.items()}
    return found


async def _by_sale(
    door: Door, wanted: SalesQuery, sums: list[Figures], done: list[str], *, is_total: bool
) -> dict[tuple[Any, str], int]:
    left = {one.currency: one.orders for one in sums if one.currency not in done}
    return await reading.buyers(door, wanted=wanted, is_total=is_total, sales=left, is_all=not done)


async def _by_member(door: Door, wanted: SalesQuery, sums: list[Figures]) -> list[str]:
    """The currencies that are counted member by member: of the whole brand, and over much of its time."""
    if wanted.is_narrowed:
        return []
    many = [one for one in sums if one.orders >= rules.MANY_SALES]
    sold = {one.currency: await buyers.all_sales(door, basis=wanted.basis, currency=one.currency) for one in many}
    return [one.currency for one in many if rules.is_less_by_member(one.orders, sold[one.currency])]
