"""Yuan as text on the wire, fen in the books."""

from decimal import Decimal, InvalidOperation

from yundian.sandbox.alipay.gateway import Refused

_LARGEST = Decimal(100_000_000)


def fen(text: str) -> int:
    """Exactly; raises ``Refused`` for anything but a positive amount with at most two places."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise Refused("ACQ.INVALID_PARAMETER", "金额格式错误") from None
    in_fen = value * 100
    if not value.is_finite() or not 0 < value <= _LARGEST or in_fen != int(in_fen):
        raise Refused("ACQ.INVALID_PARAMETER", "金额格式错误")
    return int(in_fen)


def yuan(amount: int) -> str:
    """With two places, as the gateway writes it."""
    return f"{Decimal(amount) / 100:.2f}"
