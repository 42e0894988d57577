"""Money and times as providers write them: yuan as text, fen as a number, clocks in Beijing."""

import datetime as dt
import re
from decimal import Decimal
from zoneinfo import ZoneInfo

from yundian.platform.core.money import Money

BEIJING = ZoneInfo("Asia/Shanghai")
CURRENCY = "CNY"

_YUAN = re.compile(r"[0-9]{1,15}(\.[0-9]{1,2})?")
_FEN = re.compile(r"[0-9]{1,17}")
_COMPACT, _READABLE = "%Y%m%d%H%M%S", "%Y-%m-%d %H:%M:%S"


def yuan(amount: Money) -> str:
    """``12.50``: always two places, never a float."""
    return f"{amount.to_decimal():.2f}"


def from_yuan(text: str, currency: str = CURRENCY) -> Money:
    """An amount from text. Raises ``ValueError``; signs, exponents and other digits are no amounts."""
    if not _YUAN.fullmatch(text):
        raise ValueError("not an amount in yuan")
    return Money(int(Decimal(text).scaleb(2)), currency)


def from_fen(text: str, currency: str = CURRENCY) -> Money:
    """An amount from text. Raises ``ValueError``."""
    if not _FEN.fullmatch(text):
        raise ValueError("not an amount in fen")
    return Money(int(text), currency)


def compact(at: dt.datetime) -> str:
    """``yyyyMMddHHmmss`` in Beijing, as WeChat Pay writes it."""
    return at.astimezone(BEIJING).strftime(_COMPACT)


def readable(at: dt.datetime) -> str:
    """``yyyy-MM-dd HH:mm:ss`` in Beijing, as Alipay writes it."""
    return at.astimezone(BEIJING).strftime(_READABLE)


def from_compact(text: str) -> dt.datetime:
    """An instant in UTC. Raises ``ValueError``."""
    return dt.datetime.strptime(text, _COMPACT).replace(tzinfo=BEIJING).astimezone(dt.UTC)


def from_readable(text: str) -> dt.datetime:
    """An instant in UTC; fractions of a second are left out. Raises ``ValueError``."""
    return dt.datetime.strptime(text.partition(".")[0], _READABLE).replace(tzinfo=BEIJING).astimezone(dt.UTC)
