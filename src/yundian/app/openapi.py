"""The OpenAPI schema as text that can be compared: same routes, same bytes."""

import json

from yundian.app.asgi import create_app
from yundian.platform.web.openapi import finished


def schema_text() -> str:
    """The schema of the whole API, keys sorted, two spaces, one newline at the end."""
    schema = finished(create_app().openapi_schema.to_schema())
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
