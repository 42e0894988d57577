"""Requests drawn from the API's own description, right and wrong: every answer is one that it describes."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import httpx
import hypothesis
import pytest
import requests
from hypothesis import strategies as st
from litestar import Litestar
from schemathesis import Case, GenerationMode

from tests.architecture.matrix.cells import Actor, Caller, World
from tests.architecture.matrix.rows import ROWS
from tests.architecture.matrix.world import make_caller
from tests.fuzz.kit import CHECKS, callers_of, operations
from tests.helpers import make_client

pytestmark = pytest.mark.anyio

MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
# Per operation, mode and caller; half of them about things that exist.
FEW, MANY = 1, 70


@pytest.mark.parametrize("name", sorted(operations()))
async def test_every_answer_is_one_that_the_description_knows(name: str, app: Litestar, world: World) -> None:
    assert await wrong_answers(name, app, world, count=FEW) == []


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", sorted(operations()))
async def test_every_answer_is_one_that_the_description_knows_for_long(
    name: str, app: Litestar, world: World
) -> None:
    assert await wrong_answers(name, app, world, count=MANY) == []


async def wrong_answers(name: str, app: Litestar, world: World, *, count: int) -> list[str]:
    wrong: list[str] = []
    for actor in callers_of(ROWS[name]):
        caller = await make_caller(world, actor, own_account=actor is not Actor.NOBODY)
        existing = await path_of_a_thing(name, world, caller)
        async with make_client(app, base_url="https://testserver") as client:
            for mode in MODES:
                for case in cases(name, mode, existing, count=count):
                    wrong += await tried(client, case, caller)
                    client.cookies.clear()
    return wrong


async def path_of_a_thing(name: str, world: World, caller: Caller) -> dict[str, Any]:
    """Path parameters of something that is there, from the row of the authorisation matrix."""
    call = await ROWS[name].call(world, caller)
    template = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", operations()[name].path)
    found = re.fullmatch(template, call.path.partition("?")[0])
    assert found, (template, call.path)
    return {key: unquote(value) for key, value in found.groupdict().items()}


def cases(name: str, mode: GenerationMode, existing: dict[str, Any], *, count: int) -> Iterator[Case[Any]]:
    """Requests of one kind. They are drawn before any is sent: Hypothesis itself does not wait."""
    operation = operations()[name]
    strategies = [operation.as_strategy(mode)]
    if existing:
        strategies.append(operation.as_strategy(mode, path_parameters=existing))
    drawn: list[Case[Any]] = []

    @hypothesis.settings(
        max_examples=count,
        phases=[hypothesis.Phase.generate],
        database=None,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=st.one_of(strategies))
    def draw(case: Case[Any]) -> None:
        drawn.append(case)

    try:
        draw()
    except (hypothesis.errors.Unsatisfiable, hypothesis.errors.InvalidArgument):
        # An operation without any input cannot be asked wrongly.
        assert mode is GenerationMode.NEGATIVE
    yield from drawn


async def tried(client: httpx.AsyncClient, case: Case[Any], caller: Caller) -> list[str]:
    """What is wrong with the answer to one request."""
    sent = requests.Request(**case.as_transport_kwargs(base_url="https://testserver")).prepare()
    body = sent.body.encode() if isinstance(sent.body, str) else sent.body or b""
    assert isinstance(body, bytes)
    headers = {name: str(value) for name, value in sent.headers.items() if name.lower() != "content-length"}
    try:
        request = client.build_request(
            str(sent.method), str(sent.url), headers={**headers, **caller.headers}, content=body
        )
    except httpx.InvalidURL:
        return []
    response = await client.send(request)
    try:
        case.validate_response(response, checks=CHECKS)
    # A group of failures is no Exception, and would take the event loop of all tests with it.
    except (Exception, BaseExceptionGroup) as error:
        return [f"{caller.actor} {sent.method} {sent.url} {body[:300]!r}: {response.text[:300]}\n{error}"]
    return []
