"""Keyset pages: the next page starts after the last key seen, so page 1,000 costs as much as page 1.

A cursor is opaque to clients (base64 of JSON of the last row's sort key); a broken one is an ``InvalidInput``.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.orm import Mapped

from yundian.platform.core.errors import InvalidInput

T = TypeVar("T")

MAX_LIMIT = 200


class Page(msgspec.Struct, Generic[T], frozen=True):
    """One page of a list; ``next_cursor`` is null on the last one."""

    items: list[T]
    next_cursor: str | None


def encode_cursor(key: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(list(key))).decode().rstrip("=")


def decode_cursor(cursor: str, types: tuple[Any, ...]) -> tuple[Any, ...]:
    """The sort key in a cursor, checked against the types of its columns."""
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        values = msgspec.json.decode(raw, type=list[Any])
        if len(values) != len(types):
            raise InvalidInput("cursor", "not a cursor of this list")
        return tuple(msgspec.convert(value, kind) for value, kind in zip(values, types, strict=True))
    except (binascii.Error, msgspec.MsgspecError, ValueError) as error:
        raise InvalidInput("cursor", "not a cursor of this list") from error


def after(columns: Sequence[sa.ColumnElement[Any] | Mapped[Any]], key: Sequence[Any]) -> sa.ColumnElement[bool]:
    """The row comparison ``(a, b) > (:a, :b)`` that one index serves."""
    values = [
        sa.bindparam(None, value, type_=column.type, unique=True)  # type: ignore[union-attr]
        for column, value in zip(columns, key, strict=True)
    ]
    return sa.tuple_(*columns) > sa.tuple_(*values)


def before(columns: Sequence[sa.ColumnElement[Any] | Mapped[Any]], key: Sequence[Any]) -> sa.ColumnElement[bool]:
    """The same for lists with the newest first."""
    values = [
        sa.bindparam(None, value, type_=column.type, unique=True)  # type: ignore[union-attr]
        for column, value in zip(columns, key, strict=True)
    ]
    return sa.tuple_(*columns) < sa.tuple_(*values)


def cut(rows: Sequence[T], limit: int, key: Any) -> tuple[list[T], str | None]:
    """Split ``limit + 1`` fetched rows into the page and the cursor of the next."""
    page = list(rows[:limit])
    has_more = len(rows) > limit
    return page, encode_cursor(key(page[-1])) if has_more and page else None
