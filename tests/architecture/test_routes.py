"""Every route says who may call it and, in the API, what it is called."""

import re
from collections.abc import Iterator, Sequence

import pytest
from litestar import Litestar, get
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from yundian.app.asgi import create_app
from yundian.app.house import HOUSE
from yundian.app.rooms import rooms
from yundian.platform.auth.guards import access_guards, anyone, signed_in
from yundian.platform.web.declare import NavigationItem, Place
from yundian.platform.web.templates import is_below

# The courier's screen and its routes stand in the brands room, since the courier itself lies below the web.
NAMES = {room.name for room in rooms()} | {"courier"}


def _handlers(app: Litestar) -> Iterator[tuple[str, HTTPRouteHandler]]:
    for route in app.routes:
        assert isinstance(route, HTTPRoute), f"{route.path}: only HTTP is guarded and counted"
        for handler in route.route_handlers:
            # Litestar answers OPTIONS itself, with the names of methods and nothing else.
            if handler.http_methods != {"OPTIONS"}:
                yield route.path, handler


def problems_of(path: str, handler: HTTPRouteHandler) -> Iterator[str]:
    count = len(access_guards(handler))
    if count != 1:
        yield f"has {count} access guards instead of one"
    if not path.startswith("/v1/"):
        return
    name = str(handler.operation_id)
    if not re.fullmatch(rf"({'|'.join(sorted(NAMES))})(_[a-z]+)+", name):
        yield f"has the operation id {name}: room and verb, as a client library will call it"
    if not (handler.fn.__doc__ or "").strip():
        yield "is not described"
    if not re.fullmatch(r"(/([a-z0-9-]+|\{[a-z_]+:[a-z]+\}))+", path):
        yield "has a path that is not plural-words-with-dashes and typed ids"


@pytest.fixture(scope="module")
def house() -> Litestar:
    return create_app()


def test_every_route_has_one_guard_a_name_and_a_description(house: Litestar) -> None:
    problems = [
        f"{sorted(handler.http_methods)} {path} {problem}"
        for path, handler in _handlers(house)
        for problem in problems_of(path, handler)
    ]

    assert problems == []


def test_operation_ids_are_unique(house: Litestar) -> None:
    names = [str(handler.operation_id) for path, handler in _handlers(house) if path.startswith("/v1/")]

    assert sorted(names) == sorted(set(names))


def marked(at: str, entries: Sequence[NavigationItem]) -> list[str]:
    """Which entries of its navigation a page marks as the place where one is."""
    place = Place.HQ_NAVIGATION if at.startswith("/hq") else Place.SHOP_NAVIGATION
    here = [
        one for one in entries if one.place == place and any(is_below(at, url) for url in (one.url, *one.also))
    ]
    return [one.url for one in here]


def test_every_page_of_headquarters_and_shops_marks_one_entry_of_the_navigation(house: Litestar) -> None:
    entries = [item for room in (*rooms(), HOUSE) for item in room.navigation]
    pages = {
        path
        for path, handler in _handlers(house)
        if "GET" in handler.http_methods and re.match("/(hq|shop)(/|$)", path) and "/panels/" not in path
    }

    assert len(pages) > 80
    assert {at: found for at in sorted(pages) if len(found := marked(at, entries)) != 1} == {}
    assert marked("/hq/message-templates/order.ready", entries) == ["/hq/messages"]
    assert marked("/hq/nowhere", entries) == []


def test_planted_routes_are_noticed() -> None:
    @get("/v1/Bad_Path", sync_to_thread=False, opt={})
    def unguarded() -> None: ...

    @get("/v1/twice", sync_to_thread=False, guards=[anyone, signed_in], operation_id="brands_look")
    def twice() -> None:
        """Look."""

    @get("/v1/fine/{thing_id:uuid}", sync_to_thread=False, guards=[anyone], operation_id="brands_get_thing")
    def fine() -> None:
        """Get."""

    app = Litestar([unguarded, twice, fine], openapi_config=None)
    found = {path: len(list(problems_of(path, handler))) for path, handler in _handlers(app)}

    assert found == {"/v1/Bad_Path": 4, "/v1/twice": 1, "/v1/fine/{thing_id:uuid}": 0}
