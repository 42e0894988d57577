"""Examples for the API's description, made from the schema itself: the same code gives the same examples.

A field's own example (``msgspec.Meta(examples=[...])``) wins; well-known names get a telling value;
everything else the smallest value that is valid.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

JSON = "application/json"
PROBLEM = "application/problem+json"
_ID = "019a2b3c-4d5e-7f60-8a1b-2c3d4e5f6071"
_DEEPEST = 6

_BY_NAME: Mapping[str, Any] = {
    "code": "SH-001",
    "name": "人民广场店",
    "display_name": "李娜",
    "login": "lina@example.com",
    "password": "correct horse battery staple",
    "currency": "CNY",
    "price_minor": 12_900,
    "time_zone": "Asia/Shanghai",
    "zone": "Asia/Shanghai",
    "country": "CN",
    "province": "上海市",
    "city": "上海市",
    "district": "黄浦区",
    "address": "南京东路100号",
    "postcode": "200001",
    "phone": "021-60000000",
    "latitude": 31.2304,
    "longitude": 121.4737,
    "shade_hex": "#a32a55",
    "hex": "#a32a55",
    "barcode": "6901234567892",
    "version": 1,
    "limit": 50,
    "next_cursor": None,
}
_BY_FORMAT: Mapping[str, Any] = {
    "uuid": _ID,
    "date-time": "2026-05-20T10:00:00Z",
    "date": "2026-05-20",
    "time": "10:00:00",
    "duration": "PT1H",
    "uri": "https://example.com",
    "email": "lina@example.com",
}
_CODE = re.compile(r"[a-z_]+\.[a-z_]+")


def with_examples(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema, with an example for every body that has none. Changes and returns what it is given."""
    components = schema.get("components", {}).get("schemas", {})
    for operation in operations_of(schema):
        for media in operation.get("requestBody", {}).get("content", {}).values():
            _fill(media, components)
        for status, response in operation.get("responses", {}).items():
            content = response.get("content", {})
            if PROBLEM in content:
                content[PROBLEM].setdefault("example", _problem(int(status), response.get("description", "")))
            _fill(content.get(JSON), components)
    return schema


def operations_of(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every operation of every path."""
    for methods in schema.get("paths", {}).values():
        yield from (operation for operation in methods.values() if isinstance(operation, dict))


def _fill(media: dict[str, Any] | None, components: Mapping[str, Any]) -> None:
    if media is not None and "schema" in media and not (media.get("examples") or media.get("example")):
        media["example"] = _value(media["schema"], components, name="", depth=0)


def _value(schema: Mapping[str, Any], components: Mapping[str, Any], *, name: str, depth: int) -> Any:
    if "$ref" in schema:
        schema = components.get(schema["$ref"].rsplit("/", 1)[-1], {})
    given = [schema[key][0] for key in ("examples", "enum") if schema.get(key)]
    # A blank default says nothing; a telling value is found below.
    given += [schema[key] for key in ("example", "const", "default") if schema.get(key) not in (None, "", [])]
    if given or depth >= _DEEPEST:
        return given[0] if given else None
    for union in ("oneOf", "anyOf", "allOf"):
        if union in schema:
            chosen = next((s for s in schema[union] if s.get("type") != "null"), schema[union][0])
            return _value(chosen, components, name=name, depth=depth + 1)
    kind = schema.get("type")
    kind = next((k for k in kind if k != "null"), "null") if isinstance(kind, list) else kind
    if kind == "object" or "properties" in schema:
        properties = schema.get("properties", {})
        return {key: _value(part, components, name=key, depth=depth + 1) for key, part in properties.items()}
    if kind == "array":
        return [_value(schema.get("items", {}), components, name=name, depth=depth + 1)]
    return _scalar(schema, str(kind), name)


def _scalar(schema: Mapping[str, Any], kind: str, name: str) -> Any:
    if schema.get("format") in _BY_FORMAT:
        return _BY_FORMAT[schema["format"]]
    if name in _BY_NAME and _fits(_BY_NAME[name], kind):
        return _BY_NAME[name]
    least = schema.get("minimum", schema.get("exclusiveMinimum", 0))
    simple = {"integer": int(least) or 1, "number": least or 1.5, "boolean": True, "null": None}
    return simple.get(kind, "…")


def _fits(value: object, kind: str) -> bool:
    if kind == "string":
        return isinstance(value, str) or value is None
    return kind in ("integer", "number") and isinstance(value, int | float)


def _problem(status: int, description: str) -> dict[str, Any]:
    found = _CODE.search(description)
    code = found[0] if found else "core.refused"
    return {
        "type": f"urn:yundian:problem:{code}",
        "title": description.partition(":")[2].partition(";")[0].strip() or description.partition("(")[0].strip(),
        "status": status,
        "code": code,
        "detail": "",
        "facts": {},
        "errors": [{"field": "lines.0.quantity", "message": "Required"}] if status == 400 else [],
        "request_id": _ID,
    }
