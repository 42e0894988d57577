"""The matrix rows of customers: their sign-in, their own pages, the brand's apps at WeChat."""

from tests.architecture.matrix.cells import (
    ALL,
    CUSTOMERS,
    HQ_ADMINS,
    OTHER_BRAND,
    Build,
    Call,
    Caller,
    Row,
    World,
    get,
    send,
)

ADMINS = HQ_ADMINS | OTHER_BRAND
_NO_APP = {"app_id": "wx00000000000000ff", "code": "nobody-has-this"}


def at_brand(method: str, path: str, form: dict[str, str] | None = None) -> Build:
    """A page of the first brand."""

    async def build(world: World, _caller: Caller) -> Call:
        return Call(method=method, path=f"/m/{world.brand.code}{path}", form=form)

    return build


async def official_app(world: World, caller: Caller) -> Call:
    """Set up the caller's brand's first app; a refused one names no version and an app of nobody's."""
    brand = world.other_brand if caller.actor in OTHER_BRAND else world.brand
    form = {"app_id": f"wx{brand.id.hex[-16:]}", "secret": "matrix-secret"}
    return Call(method="POST", path="/hq/wechat/official", form=form)


ROWS: dict[str, Row] = {
    "members.sign_in": Row(call=at_brand("GET", "/sign-in?stay=1"), may=ALL, is_page=True),
    # Nobody has set up an app in this world: what is asked for does not exist, for anybody.
    "members.wechat.depart": Row(call=at_brand("GET", "/sign-in/wechat"), may=ALL, is_page=True, absent=True),
    "members.wechat.arrive": Row(call=at_brand("GET", "/sign-in/wechat/back"), may=ALL, is_page=True),
    "members.push.handshake": Row(call=get("/wechat/wx00000000000000ff/push"), may=ALL, absent=True),
    "members.push": Row(call=send("POST", "/wechat/wx00000000000000ff/push"), may=ALL, absent=True),
}
