"""Who may call what reports offers."""

from tests.architecture.matrix.cells import HQ, OTHER_BRAND, OTHER_SHOP, OWN_SHOP, PEOPLE, Row, get

# Nothing of the first brand is named: another brand's HQ sees its own numbers.
HQS = HQ | OTHER_BRAND
SHOPS = OWN_SHOP | OTHER_SHOP

ROWS: dict[str, Row] = {
    # Everybody sees the numbers of her own shops.
    "reports_sales": Row(call=get("/v1/reports/sales?by=shop&shop={shop}"), may=PEOPLE),
    "reports.sales": Row(call=get("/hq/sales"), may=HQS, is_page=True),
    "reports.counted": Row(call=get("/hq/sales/counted?by=channel"), may=HQS, is_page=True),
    "reports.sales_csv": Row(call=get("/hq/sales/csv?by=shop"), may=HQS, is_page=True),
    "reports.sales_xlsx": Row(call=get("/hq/sales/xlsx?by=month"), may=HQS, is_page=True),
    "reports.documents": Row(call=get("/hq/sales/documents"), may=HQS, is_page=True),
    "reports.reconcile": Row(call=get("/hq/sales/reconcile"), may=HQS, is_page=True),
    "reports.documents_csv": Row(call=get("/hq/sales/documents/csv"), may=HQS, is_page=True),
    "reports.documents_xlsx": Row(call=get("/hq/sales/documents/xlsx"), may=HQS, is_page=True),
    "reports.reconcile_csv": Row(call=get("/hq/sales/reconcile/csv"), may=HQS, is_page=True),
    "reports.reconcile_xlsx": Row(call=get("/hq/sales/reconcile/xlsx"), may=HQS, is_page=True),
    "reports.members": Row(call=get("/hq/sales/members"), may=HQS, is_page=True),
    "reports.members_csv": Row(call=get("/hq/sales/members/csv"), may=HQS, is_page=True),
    "reports.members_xlsx": Row(call=get("/hq/sales/members/xlsx"), may=HQS, is_page=True),
    "reports.panel": Row(call=get("/hq/panels/sales"), may=HQS, is_page=True),
    "reports.credited": Row(call=get("/shop/panels/credited"), may=SHOPS, is_page=True),
}
