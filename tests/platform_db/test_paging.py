"""Keyset pages: every row once, in order, whatever the page size; a cursor is nothing to play with."""

import base64
import contextlib
import datetime as dt
import uuid

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from yundian.platform.core.errors import InvalidInput
from yundian.platform.core.ids import new_id
from yundian.platform.db import paging
from yundian.platform.db.services import Services

KEYS = st.tuples(st.text(max_size=20), st.uuids(), st.integers(-(2**62), 2**62))


@given(KEYS)
def test_a_cursor_gives_its_key_back(key: tuple[str, uuid.UUID, int]) -> None:
    assert paging.decode_cursor(paging.encode_cursor(key), (str, uuid.UUID, int)) == key


def test_times_keep_their_zone_and_their_microseconds() -> None:
    at = dt.datetime(2026, 3, 1, 12, 30, 15, 123_456, tzinfo=dt.UTC)

    assert paging.decode_cursor(paging.encode_cursor((at,)), (dt.datetime,)) == (at,)


@given(st.text())
def test_any_text_is_a_cursor_or_a_wrong_field_and_never_a_fault(text: str) -> None:
    with contextlib.suppress(InvalidInput):
        key = paging.decode_cursor(text, (str, uuid.UUID))
        assert [type(part) for part in key] == [str, uuid.UUID]


@pytest.mark.parametrize("content", [[], ["a"], ["a", "b", "c"], ["a", "no uuid"], [1, 2], {"a": 1}, "text", None])
def test_a_cursor_of_another_list_is_a_wrong_field(content: object) -> None:
    cursor = base64.urlsafe_b64encode(msgspec.json.encode(content)).decode()

    with pytest.raises(InvalidInput) as refusal:
        paging.decode_cursor(cursor, (str, uuid.UUID))

    assert refusal.value.facts["errors"] == [{"field": "cursor", "message": "not a cursor of this list"}]


@given(st.lists(st.integers(), max_size=30), st.integers(min_value=1, max_value=10))
def test_a_page_holds_the_limit_and_says_whether_there_is_more(rows: list[int], limit: int) -> None:
    page, cursor = paging.cut(rows[: limit + 1], limit, lambda row: (row,))

    assert page == rows[:limit]
    assert (cursor is not None) == (len(rows) > limit)


@pytest.mark.anyio
@pytest.mark.parametrize("is_newest_first", [False, True])
@pytest.mark.parametrize("limit", [1, 3, 7, 200])
async def test_walking_the_pages_meets_every_row_once(
    services: Services, limit: int, is_newest_first: bool
) -> None:
    """Equal sort keys included: the id decides."""
    rows = sorted((number % 4, new_id()) for number in range(20))
    values = sa.values(sa.column("place", sa.Integer), sa.column("id", sa.Uuid), name="row").data(rows)
    columns = (values.c.place, values.c.id)
    met: list[tuple[int, uuid.UUID]] = []
    cursor: str | None = None

    async with services.database.unit_of_work(None) as session:
        connection = await session.connection()
        for _ in range(len(rows)):
            query = sa.select(*columns).order_by(*(c.desc() if is_newest_first else c for c in columns))
            if cursor is not None:
                key = paging.decode_cursor(cursor, (int, uuid.UUID))
                query = query.where((paging.before if is_newest_first else paging.after)(columns, key))
            fetched = [(row.place, row.id) for row in await connection.execute(query.limit(limit + 1))]
            page, cursor = paging.cut(fetched, limit, lambda row: row)
            met += page
            if cursor is None:
                break

    assert met == (rows[::-1] if is_newest_first else rows)
