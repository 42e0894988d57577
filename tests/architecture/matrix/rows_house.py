"""The matrix rows of what belongs to no room."""

from tests.architecture.matrix.cells import ALL, HQ, OTHER_BRAND, OTHER_SHOP, OWN_SHOP, Row, get

ROWS: dict[str, Row] = {
    "house.front": Row(call=get("/"), may=ALL, is_page=True),
    "house.hq": Row(call=get("/hq"), may=HQ | OTHER_BRAND, is_page=True),
    "house.shop": Row(call=get("/shop"), may=OWN_SHOP | OTHER_SHOP, is_page=True),
    "house.docs": Row(call=get("/docs"), may=ALL, is_page=True),
    "house.favicon": Row(call=get("/favicon.ico"), may=ALL, is_page=True),
    "house.healthz": Row(call=get("/healthz"), may=ALL),
    "house.readyz": Row(call=get("/readyz"), may=ALL),
    "house.metrics": Row(call=get("/metrics"), may=ALL),
    "/static/{file_path:path}": Row(call=get("/static/app.css"), may=ALL),
    "/schema/openapi.json": Row(call=get("/schema/openapi.json"), may=ALL),
    "/schema": Row(call=get("/schema"), may=ALL),
    "/schema/{path:str}": Row(call=get("/schema/openapi.json"), may=ALL),
}
