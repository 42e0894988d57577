"""Every operation that takes a body says what is wrong with one, in both languages and with the same codes."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from litestar import Litestar

from tests.architecture.matrix.cells import Actor, World
from tests.architecture.matrix.rows import ROWS
from tests.architecture.matrix.world import make_caller
from tests.fuzz.kit import DESCRIPTION, callers_of
from tests.helpers import make_client
from yundian.platform.core.ids import new_id

pytestmark = pytest.mark.anyio

CHINESE = re.compile(r"[\u4e00-\u9fff]")
TOLD_BY = ("type", "format", "oneOf", "$ref")
KINDS = {"wrong_type", "null", "too_small", "too_large", "too_long", "not_allowed", "invalid"}
WRONG_VALUES: tuple[Any, ...] = (7, -7, 10**12, "no such value" * 500, [7], {"surprise": 1}, None)


def described() -> Iterator[tuple[str, str, str, list[dict[str, Any]]]]:
    """Operation id, method, path and wrong bodies of each operation that takes JSON."""
    document = json.loads(DESCRIPTION.read_text())
    schemas = document["components"]["schemas"]
    seen: set[str] = set()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            media = operation.get("requestBody", {}).get("content", {}).get("application/json")
            if media is None:
                continue
            example = media.get("example") or next(iter(media["examples"].values()))["value"]
            yield (
                operation["operationId"],
                method,
                filled(path, operation.get("parameters", [])),
                list(wrong_bodies(media["schema"], schemas, example, seen=seen)),
            )


def filled(path: str, parameters: list[dict[str, Any]]) -> str:
    """An address of nothing that is there, as the operation reads addresses."""
    formats = {each["name"]: each["schema"].get("format") for each in parameters if each["in"] == "path"}
    return re.sub(r"\{(\w+)\}", lambda found: "2027-03-08" if formats[found[1]] == "date" else str(new_id()), path)


def wrong_bodies(
    schema: dict[str, Any], schemas: dict[str, Any], example: Any, *, seen: set[str]
) -> Iterator[Any]:
    """No object; and the example with one field that is wrong, for each kind of field that no other body had."""
    yield [7]
    kind = schemas.get(schema.get("$ref", "").rpartition("/")[2], schema)
    for number, (name, field) in enumerate(kind.get("properties", {}).items()):
        shape = json.dumps({key: value for key, value in field.items() if key in TOLD_BY}, sort_keys=True)
        if isinstance(example, dict) and (number == 0 or shape not in seen):
            seen.add(shape)
            for value in WRONG_VALUES:
                yield {**example, name: value}


async def told(client: httpx.AsyncClient, method: str, path: str, body: Any, language: str) -> httpx.Response:
    return await client.request(method, path, json=body, headers={"Accept-Language": language})


async def test_every_operation_says_what_is_wrong_with_a_body_in_both_languages(
    app: Litestar, world: World
) -> None:
    callers = {actor: await make_caller(world, actor, own_account=False) for actor in Actor}
    wrong: list[str] = []
    refused: dict[str, set[str]] = {}
    async with make_client(app, base_url="https://testserver") as client:
        for name, method, path, bodies in described():
            client.headers.update(callers[callers_of(ROWS[name])[0]].headers)
            refused[name] = set()
            for body in bodies:
                chinese = await told(client, method, path, body, "zh-CN")
                if chinese.status_code != 400:
                    continue
                english = await told(client, method, path, body, "en")
                wrong += [f"{method} {path} {body}: {one}" for one in differences(chinese.json(), english.json())]
                refused[name] |= {error["code"] for error in english.json()["errors"]}

    assert wrong == []
    assert [name for name, codes in refused.items() if not codes] == []
    assert set.union(*refused.values()) >= KINDS


def differences(chinese: dict[str, Any], english: dict[str, Any]) -> Iterator[str]:
    """What is wrong with two answers to the same body."""
    for there, here in zip(chinese["errors"], english["errors"], strict=True):
        if (there["field"], there["code"]) != (here["field"], here["code"]):
            yield f"told twice: {there} {here}"
        if not here["message"] or CHINESE.search(here["message"]):
            yield f"not English: {here}"
        if not CHINESE.search(there["message"]):
            yield f"not Chinese: {there}"
        if "`" in here["message"]:
            yield f"the validator's own words: {here}"
