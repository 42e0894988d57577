"""Shops to choose from on a phone: numbered, on a small map, with the way there."""

import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from appointments.service.finding import FreeShop
from stores import api as stores
from stores.types import Place, ShopView, Way
from yundian.members import api as members
from yundian.platform.db.services import Services
from yundian.platform.web.pages import AnyRequest
from yundian.platform.wechat.agents import is_wechat_browser


class Choice(NamedTuple):
    """A shop in the list; ``free`` tells when a chosen service can be had there."""

    shop: ShopView
    distance_m: float | None
    way: Way | None
    free: FreeShop | None = None


def choices(
    here: Place | None, shops: Sequence[tuple[ShopView, float | None]], free: Sequence[FreeShop] | None
) -> dict[str, Any]:
    """What the list shows, and the map of it once the phone says where it is.

    Without a place, where something is free comes first.
    """
    if free is not None:
        found = free if here is not None else sorted(free, key=lambda one: one.next_start is None)
        listed = [Choice(one.shop, one.distance_m, stores.way_to(one.shop), one) for one in found]
    else:
        listed = [Choice(shop, distance, stores.way_to(shop)) for shop, distance in shops]
    sketch = stores.sketch_of(here, [one.shop for one in listed]) if here is not None else None
    return {"choices": listed, "sketch": sketch if sketch and sketch.marks else None}


async def wechat_config(request: AnyRequest, services: Services, brand_id: uuid.UUID, *, path: str = "") -> str:
    """What WeChat's own map asks for, inside WeChat only; without it the way is a link.

    ``path``: of the page, where a part of it is asked for. The page's query is the request's.
    """
    if not is_wechat_browser(request.headers.get("User-Agent", "")):
        return ""
    query = f"?{request.url.query}" if request.url.query else ""
    config = await members.js_config(
        services.database,
        keyring=services.keyring,
        apps=request.app.state.wechat,
        brand_id=brand_id,
        url=f"{services.settings.base_url.rstrip('/')}{path or request.url.path}{query}",
    )
    return msgspec.json.encode(config).decode() if config else ""
