"""Requests that were right, with one hostile thing planted in them: never our fault, always a refusal with a code.

They start from the rows of the authorisation matrix, so that they get past guards, ids and the other fields.
"""

import itertools
import os
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from litestar import Litestar

from tests.architecture.matrix.cells import Actor, Call, Caller, Row, World
from tests.architecture.matrix.rows import ROWS
from tests.architecture.matrix.world import make_caller
from tests.fuzz import hostile
from tests.fuzz.kit import callers_of, operations, wrong_with
from tests.helpers import make_client
from tests.html_forms import names_of

pytestmark = pytest.mark.anyio

FEW, MANY = 9, 260
# What any page might read; those of an operation of the API come from its description.
ASKED = ("lang", "next", "shop", "search", "status", "cursor", "limit", "state", "tag", "category", "subscriber")
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A request as bytes."""

    method: str
    path: str
    headers: tuple[tuple[str, bytes], ...] = ()
    body: bytes = b""
    query: str = ""
    why: str = field(default="", compare=False)

    @property
    def url(self) -> str:
        if not self.query:
            return self.path
        return f"{self.path}{'&' if '?' in self.path else '?'}{self.query}"


@pytest.fixture
async def sender(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    async with make_client(app) as client:
        yield client


@pytest.mark.parametrize("name", sorted(ROWS))
async def test_no_hostile_request_is_our_fault(name: str, sender: httpx.AsyncClient, world: World) -> None:
    assert await wrong_answers(name, sender, world, count=FEW, seed=name) == []


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", sorted(ROWS))
async def test_no_hostile_request_is_our_fault_for_long(
    name: str, sender: httpx.AsyncClient, world: World
) -> None:
    seed = os.environ.get("FUZZ_SEED") or str(random.SystemRandom().random())
    assert await wrong_answers(name, sender, world, count=MANY, seed=seed) == [], f"FUZZ_SEED={seed}"


async def wrong_answers(name: str, sender: httpx.AsyncClient, world: World, *, count: int, seed: str) -> list[str]:
    """What was wrong with the answers to so many requests of one operation, most of them of who may."""
    rng, wrong = random.Random(seed), []
    for actor, share in zip(callers_of(ROWS[name]), (4, 2, 1), strict=True):
        caller = await make_caller(world, actor, own_account=actor is not Actor.NOBODY)
        call = await ROWS[name].call(world, caller)
        names = await field_names(name, call, caller, sender)
        for sent in drawn(rng, call, names, max(1, count * share // 7)):
            problem = await tried(sender, sent, caller, ROWS[name])
            if problem:
                wrong.append(f"{actor} {sent.method} {sent.url[:200]} {sent.why}: {problem}")
            if rng.random() < 0.05:
                # What was accepted may have used the thing up, or the session.
                caller = await make_caller(world, actor, own_account=actor is not Actor.NOBODY)
                call = await ROWS[name].call(world, caller)
    return wrong


async def field_names(name: str, call: Call, caller: Caller, sender: httpx.AsyncClient) -> list[str]:
    """What the operation reads: described, written in the form of its page, or guessed."""
    known = operations().get(name)
    if known is not None:
        body = known.definition.raw.get("requestBody", {}).get("content", {}).get("application/json", {})
        properties = known.schema.raw_schema["components"]["schemas"]
        title = body.get("schema", {}).get("$ref", "").rpartition("/")[2]
        query = [one["name"] for one in known.definition.raw.get("parameters", []) if one["in"] == "query"]
        return [*properties.get(title, {}).get("properties", {}), *query]
    found = await sender.get(call.path, headers={**caller.headers, "Accept": "text/html"})
    return [*names_of(found.text), *(call.form or {}), *ASKED]


def drawn(rng: random.Random, call: Call, names: list[str], count: int) -> Iterator[Sent]:
    plants = [in_address, in_query, in_headers, in_authorization]
    if call.method != "GET":
        plants += [in_body, whole_body]
    if call.json is not None:
        plants += [in_json] * 8
    elif call.form is not None:
        plants += [in_form] * 8
    elif names:
        plants += [in_query] * 4
    for plant in itertools.islice(iter(lambda: rng.choice(plants), None), count):
        yield plant(rng, call, names)


def right(call: Call) -> Sent:
    """The request as it should be."""
    sent = Sent(method=call.method, path=call.path)
    if call.json is not None:
        return as_json(sent, call.json)
    return sent if call.form is None else as_form(sent, {k: v.encode() for k, v in call.form.items()})


def as_json(sent: Sent, value: Any) -> Sent:
    return replace(sent, body=hostile.as_json(value), headers=(("Content-Type", b"application/json"),))


def as_form(sent: Sent, values: dict[str, bytes]) -> Sent:
    body = "&".join(f"{quote(name)}={quote(value)}" for name, value in values.items())
    return replace(sent, body=body.encode(), headers=(("Content-Type", FORM.encode()),))


def in_address(rng: random.Random, call: Call, _names: list[str]) -> Sent:
    index = rng.randrange(1, call.path.partition("?")[0].count("/") + 1)
    text = rng.choice(hostile.TEXTS)[:2_000]
    return replace(right(call), path=hostile.with_segment(call.path, index, text), why=f"segment {index}")


def in_query(rng: random.Random, call: Call, names: list[str]) -> Sent:
    pairs = [(rng.choice([*names, *ASKED]), rng.choice(hostile.TEXTS)[:3_000]) for _ in range(rng.randint(1, 3))]
    return replace(right(call), query="&".join(f"{quote(k)}={quote(v)}" for k, v in pairs), why="query")


def in_headers(rng: random.Random, call: Call, _names: list[str]) -> Sent:
    added, sent = rng.choice(hostile.HEADERS), right(call)
    return replace(sent, headers=(*sent.headers, added), why=f"header {added[0]}: {added[1][:60]!r}")


def in_authorization(rng: random.Random, call: Call, _names: list[str]) -> Sent:
    value, sent = rng.choice(hostile.AUTHORIZATIONS), right(call)
    return replace(sent, headers=(*sent.headers, ("Authorization", value)), why=f"{value[:60]!r}")


def in_body(rng: random.Random, call: Call, _names: list[str]) -> Sent:
    """The right body, bitten: cut short, or with bytes of another encoding."""
    sent = right(call)
    cut = rng.randrange(len(sent.body) + 1)
    body = rng.choice((sent.body[:cut], sent.body[:cut] + b"\xff\x00" + sent.body[cut:], sent.body * 2))
    return replace(sent, body=body, why=f"body {body[:300]!r}")


def whole_body(rng: random.Random, call: Call, _names: list[str]) -> Sent:
    media, body = rng.choice(hostile.BODIES)
    return replace(
        right(call), body=body, headers=(("Content-Type", media.encode()),), why=f"{media} {body[:60]!r}"
    )


def in_json(rng: random.Random, call: Call, names: list[str]) -> Sent:
    addresses = [(), *hostile.places(call.json), *((name,) for name in names if isinstance(call.json, dict))]
    value = hostile.planted(call.json, rng.choice(addresses), rng.choice(hostile.VALUES))
    if names and isinstance(value, dict):
        # A new one: it may be a hostile value itself, which the next request needs as it is.
        value = {**value, rng.choice(names): rng.choice(hostile.VALUES)}
    return replace(as_json(right(call), value), why=f"json {str(hostile.as_json(value))[:300]}")


def in_form(rng: random.Random, call: Call, names: list[str]) -> Sent:
    values = {name: value.encode() for name, value in (call.form or {}).items()}
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        name = rng.choice([*names, "\x00", ""])
        values[name] = rng.choice(hostile.TEXTS)
    return replace(as_form(right(call), values), why=f"form {str(values)[:300]}")


async def tried(sender: httpx.AsyncClient, sent: Sent, caller: Caller, row: Row) -> str:
    headers = {"Accept": "text/html" if row.is_page else "*/*", **caller.headers}
    given = [(k, v.encode()) for k, v in headers.items()] + list(sent.headers)
    last = {name.lower().encode(): (name.encode(), value) for name, value in given}
    sender.cookies.clear()
    try:
        request = sender.build_request(sent.method, sent.url, headers=list(last.values()), content=sent.body)
    except (httpx.InvalidURL, UnicodeError):
        return ""
    response = await sender.send(request)
    is_api = sent.path.startswith("/v1/") and "/" in sent.path[4:]
    # Another company (an SMS provider, say) that this operation needs is not there in tests.
    return wrong_with(response, is_api=is_api, may_be_down=row.ok_status == httpx.codes.SERVICE_UNAVAILABLE)
