"""The whole matrix: every room's rows. An operation without a row fails, and so does a row without one."""

from tests.architecture.matrix import (
    rows_auth,
    rows_brands,
    rows_catalog,
    rows_house,
    rows_members,
    rows_payments,
    rows_stores,
)
from tests.architecture.matrix.cells import Row

ROWS: dict[str, Row] = {
    **rows_house.ROWS,
    **rows_auth.ROWS,
    **rows_brands.ROWS,
    **rows_catalog.ROWS,
    **rows_payments.ROWS,
    **rows_stores.ROWS,
    **rows_members.ROWS,
}
