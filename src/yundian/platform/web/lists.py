"""Query parameters of list routes."""

from typing import Annotated

from litestar.params import QueryParameter

from yundian.platform.db.paging import MAX_LIMIT

DEFAULT_LIMIT = 50

Limit = Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT, description="How many at most")]
Cursor = Annotated[
    str | None,
    QueryParameter(max_length=1000, description="``next_cursor`` of the page before; nothing for the first"),
]
