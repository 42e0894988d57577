"""Money as integer minor units (fen) with a currency; nothing is ever lost to rounding.

Rounding is half-up, per line, once, at the edge where a fraction first appears.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Self

from babel.core import Locale
from babel.numbers import format_currency, get_currency_precision

from yundian.platform.core.errors import DomainError


class CurrencyMismatch(DomainError):
    code = "money.currency_mismatch"
    title = "Different currencies"


def round_half_up(value: Decimal) -> int:
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units of one ISO 4217 currency. May be negative (a refund, a balance)."""

    minor: int
    currency: str

    def __add__(self, other: Self) -> "Money":
        return Money(self.minor + self._same(other).minor, self.currency)

    def __sub__(self, other: Self) -> "Money":
        return Money(self.minor - self._same(other).minor, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.minor, self.currency)

    def times(self, factor: int | Decimal) -> "Money":
        """The product, rounded half-up to the minor unit."""
        return Money(round_half_up(Decimal(self.minor) * factor), self.currency)

    def basis_points(self, bp: int) -> "Money":
        """A share in basis points (1/10,000), rounded half-up to the minor unit."""
        return self.times(Decimal(bp) / 10_000)

    def allocate(self, weights: Sequence[int]) -> list["Money"]:
        """Split by weights so that the parts sum to the whole exactly.

        Largest remainder first, ties to the earlier part. Weights are non-negative and not all zero.
        """
        total = sum(weights)
        if total <= 0 or min(weights) < 0:
            raise ValueError("weights must be non-negative and not all zero")
        sign = -1 if self.minor < 0 else 1
        amount = abs(self.minor)
        parts = [amount * w // total for w in weights]
        order = sorted(range(len(weights)), key=lambda i: (-(amount * weights[i] % total), i))
        for i in order[: amount - sum(parts)]:
            parts[i] += 1
        return [Money(sign * part, self.currency) for part in parts]

    @classmethod
    def from_decimal(cls, value: Decimal, currency: str) -> "Money":
        """From a decimal in major units (yuan), rounded half-up to the minor unit."""
        return cls(round_half_up(value.scaleb(get_currency_precision(currency))), currency)

    def to_decimal(self) -> Decimal:
        """In major units (yuan), with the currency's number of places."""
        return Decimal(self.minor).scaleb(-get_currency_precision(self.currency))

    def text(self, locale: str = "zh_CN") -> str:
        """As people read it, e.g. ``¥12.00``."""
        return format_currency(self.to_decimal(), self.currency, locale=Locale.parse(locale))

    def _same(self, other: Self) -> Self:
        if other.currency != self.currency:
            raise CurrencyMismatch(left=self.currency, right=other.currency)
        return other
