"""What every hostile test needs: the API's own description, and what no answer may be."""

import functools
import json
from pathlib import Path
from typing import Any

import httpx
import schemathesis
from schemathesis import APIOperation
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.architecture.matrix.cells import Actor, Row

DESCRIPTION = Path(__file__).parents[2] / "docs" / "openapi.json"
PROBLEM = "application/problem+json"
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@functools.cache
def operations() -> dict[str, APIOperation[Any, Any, Any, Any]]:
    """Every operation of the exported description, by its id."""
    schema = schemathesis.openapi.from_dict(json.loads(DESCRIPTION.read_text()))
    found = {}
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        operation = result.ok()
        found[operation.definition.raw["operationId"]] = operation
    return found


def wrong_with(response: httpx.Response, *, is_api: bool, may_be_down: bool = False) -> str:
    """What is wrong with an answer, or nothing: our fault, a refusal without a code, an unknown media type."""
    if response.status_code >= 500 and not (may_be_down and response.status_code == 503):
        return f"{response.status_code}: {response.text[:300]}"
    if not is_api or response.status_code < 400:
        return ""
    media = response.headers.get("content-type", "").partition(";")[0]
    if media != PROBLEM:
        return f"{response.status_code} as {media!r}: {response.text[:300]}"
    body = response.json()
    missing = {"code", "status", "title"} - set(body)
    return f"a problem without {missing}: {body}" if missing else ""


def callers_of(row: Row) -> tuple[Actor, Actor, Actor]:
    """Who asks, most of the time first: somebody who may, or hostile values would stop at the guard."""
    people = sorted((Actor.HQ_ADMIN, Actor.CUSTOMER, Actor.OWNER), key=lambda actor: actor not in row.may)
    return people[0], people[1], Actor.NOBODY
