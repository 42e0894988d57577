"""The API describes itself: completely, with names that never change, and as the committed file says."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar

from yundian.app.openapi import schema_text

pytestmark = pytest.mark.anyio

COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.json"


@pytest.fixture(scope="session")
def schema() -> dict[str, Any]:
    return json.loads(schema_text())  # type: ignore[no-any-return]


def operations(schema: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
        if method in {"get", "post", "put", "patch", "delete"}
    ]


def test_the_committed_schema_is_the_codes_own() -> None:
    assert COMMITTED.read_text() == schema_text(), "run: yundian openapi --output docs/openapi.json"


def test_every_operation_has_a_name_of_its_own_led_by_its_room(schema: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(schema)]

    assert len(names) == len(set(names))
    assert [n for n in names if not n.isidentifier() or n != n.lower()] == []


def test_every_operation_is_tagged_described_and_says_how_it_refuses(schema: dict[str, Any]) -> None:
    for path, method, operation in operations(schema):
        where = f"{method} {path}"
        assert operation.get("tags"), where
        assert operation.get("summary") or operation.get("description"), where
        guarded = () if operation.get("security") == [] else ("401", "403")
        for status in ("400", "404", "409", "429", *guarded):
            response = operation["responses"][status]
            if "$ref" in response:
                response = schema["components"]["responses"][response["$ref"].rsplit("/", 1)[-1]]
            assert "application/problem+json" in response["content"], (where, status)


def test_nothing_but_the_api_is_described(schema: dict[str, Any]) -> None:
    assert [path for path in schema["paths"] if not path.startswith("/v1/")] == []


def test_every_json_body_has_an_example(schema: dict[str, Any]) -> None:
    bodies = [
        (path, content)
        for path, _, operation in operations(schema)
        for content in operation.get("requestBody", {}).get("content", {}).values()
    ]

    assert [path for path, content in bodies if not (content.get("examples") or content.get("example"))] == []


async def test_the_schema_and_its_page_are_served_from_here(client: httpx.AsyncClient) -> None:
    served, page = (
        await client.get("/schema/openapi.json"),
        await client.get("/docs", headers={"Accept": "text/html"}),
    )

    assert served.json()["info"]["title"] == "Yundian 云店"
    assert page.status_code == 200
    assert "/static/vendor/swagger-ui/swagger-ui-bundle.js" in page.text


async def test_only_described_refusals_reach_the_schema_of_a_route(probe_app: Litestar) -> None:
    schema = probe_app.openapi_schema.to_schema()

    described = schema["paths"]["/v1/probe/bells"]["post"]["responses"]["409"]["description"]
    assert "probe.out_of_stock" in described
