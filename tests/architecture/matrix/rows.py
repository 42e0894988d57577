"""The whole matrix: every room's rows. An operation without a row fails, and so does a row without one."""

from tests.architecture.matrix import (
    rows_appointments,
    rows_appointments_flow,
    rows_appointments_imports,
    rows_appointments_json,
    rows_appointments_setup,
    rows_attribution,
    rows_auth,
    rows_brands,
    rows_catalog,
    rows_channels,
    rows_groupbuy,
    rows_house,
    rows_members,
    rows_messaging,
    rows_orders,
    rows_payments,
    rows_reports,
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
    **rows_attribution.ROWS,
    **rows_messaging.ROWS,
    **rows_orders.ROWS,
    **rows_reports.ROWS,
    **rows_channels.ROWS,
    **rows_groupbuy.ROWS,
    **rows_appointments.ROWS,
    **rows_appointments_flow.ROWS,
    **rows_appointments_imports.ROWS,
    **rows_appointments_setup.ROWS,
    **rows_appointments_json.ROWS,
}
