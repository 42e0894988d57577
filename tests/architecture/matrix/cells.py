"""The words of the authorisation matrix: who calls, what is called, and who may."""

import inspect
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.people import Person
from yundian.brands.types import BrandView
from yundian.platform.db.services import Services


class Actor(StrEnum):
    """Who calls. "Own" and "other" are the shop's that the request is about."""

    NOBODY = "nobody"
    REVOKED = "revoked session"
    HQ_ADMIN = "hq admin"
    HQ_ANALYST = "hq analyst"
    OWNER = "owner of the shop"
    STAFF = "staff of the shop"
    OTHER_OWNER = "owner of another shop"
    OTHER_STAFF = "staff of another shop"
    OTHER_BRAND = "hq admin of another brand"
    API_KEY = "API key without a scope"
    CUSTOMER = "customer of the brand"


class Answer(StrEnum):
    """What a cell of the matrix holds."""

    OK = "ok"
    SIGN_IN = "401"
    FORBIDDEN = "403"
    UNKNOWN = "404"


ALL = frozenset(Actor)
STRANGERS = frozenset({Actor.NOBODY, Actor.REVOKED})
CUSTOMERS = frozenset({Actor.CUSTOMER})
PEOPLE = ALL - STRANGERS - CUSTOMERS - {Actor.API_KEY}
HQ_ADMINS = frozenset({Actor.HQ_ADMIN})
HQ = frozenset({Actor.HQ_ADMIN, Actor.HQ_ANALYST})
OWN_SHOP = frozenset({Actor.OWNER, Actor.STAFF})
OTHER_SHOP = frozenset({Actor.OTHER_OWNER, Actor.OTHER_STAFF})
OTHER_BRAND = frozenset({Actor.OTHER_BRAND})


@dataclass(frozen=True)
class World:
    """Two brands; the first has two shops and the people of the matrix."""

    services: Services
    brand: BrandView
    other_brand: BrandView
    shop_id: uuid.UUID
    other_shop_id: uuid.UUID
    people: dict[Actor, Person]
    api_key: str


@dataclass(frozen=True)
class Caller:
    """One actor with a session of her own for one cell; ``person`` is the account behind it, if any;
    a customer has a ``member_id`` instead."""

    actor: Actor
    headers: dict[str, str]
    person: Person | None = None
    member_id: uuid.UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request that is right in every way but, perhaps, the caller's rights. ``target`` is text of the thing
    that nobody else may read in an answer: an id or a code."""

    path: str
    method: str = "GET"
    json: Any = None
    form: dict[str, str] | None = None
    content: bytes | None = None
    content_type: str = ""
    target: str = ""


# Whoever does not look at the caller names her ``_caller``: then all who are refused ask for the same thing.
Build = Callable[[World, Caller], Awaitable[Call]]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One operation. ``may`` get what they asked for, to ``unknown`` the thing does not exist; of the others,
    nobody and revoked sessions are sent to sign in, and the rest is forbidden.

    ``is_page`` rows are asked for as a browser does. ``own_account`` gives each caller an account of her own,
    for operations that change it. ``unknown_status`` is another refusal that tells as little as a 404.
    ``ok_status`` is what those who may get where success needs another company (WeChat, an SMS provider).
    """

    call: Build
    may: frozenset[Actor]
    unknown: frozenset[Actor] = field(default_factory=frozenset)
    is_page: bool = False
    own_account: bool = False
    unknown_status: int = 404
    ok_status: int | None = None

    @property
    def is_same_for_all(self) -> bool:
        """Whether it is the same call whoever makes it."""
        return "_caller" in inspect.signature(self.call).parameters

    def expected(self, actor: Actor) -> Answer:
        if actor in self.may:
            return Answer.OK
        if actor in STRANGERS:
            return Answer.SIGN_IN
        return Answer.UNKNOWN if actor in self.unknown else Answer.FORBIDDEN

    def expected_text(self, actor: Actor) -> str:
        """The same as the test writes answers."""
        expected = self.expected(actor)
        if expected is Answer.OK and self.ok_status is not None:
            return str(self.ok_status)
        return str(self.unknown_status) if expected is Answer.UNKNOWN else expected.value


def get(path: str) -> Build:
    """A plain GET; ``{shop}`` stands for the shop."""
    return send("GET", path)


def send(method: str, path: str, *, json: Any = None, form: dict[str, str] | None = None) -> Build:
    """A request that needs no preparation; ``{shop}`` in the path stands for the shop."""

    async def build(world: World, _caller: Caller) -> Call:
        return Call(method=method, path=path.replace("{shop}", str(world.shop_id)), json=json, form=form)

    return build
