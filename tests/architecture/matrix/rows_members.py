"""The matrix rows of customers: their sign-in, their own pages, the brand's apps at WeChat."""

import secrets
from typing import Any

from tests.architecture.matrix.cells import (
    ALL,
    CUSTOMERS,
    HQ,
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
from tests.members.makers import make_customer
from yundian.brands.types import BrandView
from yundian.members.service import apps, phone, terms, twins
from yundian.members.types import AppKind, WeChatAppFields, WeChatAppView
from yundian.platform.core import clock
from yundian.sandbox.wechat.signing import push_signature, seal_push

ADMINS = HQ_ADMINS | OTHER_BRAND

_TOKEN, _AES_KEY = "matrix-token", "A" * 43
_NOBODYS = {"app_id": "wx00000000000000ff", "code": "nobody-has-this"}
_PUSH = (
    "<xml><ToUserName>gh_1</ToUserName><FromUserName>o1</FromUserName><CreateTime>1700000000</CreateTime>"
    "<MsgType>event</MsgType><Event>unsubscribe</Event></xml>"
)


class Inbox:
    """Takes the place of the SMS provider."""

    code = ""

    async def send_code(self, *, phone: str, code: str, brand_name: str, minutes: int, reference: str) -> None:
        self.code = code

    async def aclose(self) -> None:
        """Nothing to close."""


def at_brand(method: str, path: str, **form: str) -> Build:
    """A page of the first brand."""

    async def build(world: World, _caller: Caller) -> Call:
        return Call(method=method, path=f"/m/{world.brand.code}{path}", form=form or None)

    return build


async def official(world: World, brand: BrandView) -> WeChatAppView:
    """The brand's official account, set up if it is not yet."""
    async with world.services.database.unit_of_work(brand.id) as session:
        found = await apps.list_apps(session, brand_id=brand.id)
        if AppKind.OFFICIAL in found:
            return found[AppKind.OFFICIAL]
        return await apps.save_app(
            session,
            keyring=world.services.keyring,
            brand_id=brand.id,
            kind=AppKind.OFFICIAL,
            fields=WeChatAppFields(
                app_id=f"wx{brand.id.hex[-16:]}", secret="matrix-secret", token=_TOKEN, aes_key=_AES_KEY
            ),
            version=None,
        )


async def saved_app(world: World, caller: Caller) -> Call:
    """The caller's brand's app, as it stands."""
    app = await official(world, world.other_brand if caller.actor in OTHER_BRAND else world.brand)
    form = {"app_id": app.app_id, "token": _TOKEN, "version": str(app.version)}
    return Call(method="POST", path="/hq/wechat/official", form=form)


async def new_terms(world: World, caller: Caller) -> Call:
    """The text after the newest one."""
    brand = world.other_brand if caller.actor in OTHER_BRAND else world.brand
    async with world.services.database.unit_of_work(brand.id) as session:
        number = (await terms.current(session)).number
    return Call(method="POST", path="/hq/terms", form={"number": str(number), "text_zh": "条款"})


async def to_wechat(world: World, _caller: Caller) -> Call:
    await official(world, world.brand)
    return Call(path=f"/m/{world.brand.code}/sign-in/wechat")


async def handshake(world: World, _caller: Caller) -> Call:
    app, stamp = await official(world, world.brand), str(int(clock.now().timestamp()))
    query = f"timestamp={stamp}&nonce=n&echostr=hello&signature={push_signature(_TOKEN, stamp, 'n')}"
    return Call(path=f"/wechat/{app.app_id}/push?{query}")


async def push(world: World, _caller: Caller) -> Call:
    app, stamp, nonce = await official(world, world.brand), str(int(clock.now().timestamp())), secrets.token_hex(8)
    sealed = seal_push(_PUSH.encode(), aes_key=_AES_KEY, appid=app.app_id)
    signature = push_signature(_TOKEN, stamp, nonce, sealed)
    query = f"timestamp={stamp}&nonce={nonce}&msg_signature={signature}"
    body = f"<xml><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>".encode()
    return Call(method="POST", path=f"/wechat/{app.app_id}/push?{query}", content=body)


def with_code(path: str, *, is_bound: bool) -> Build:
    """A code on its way, and the form that uses it."""

    async def build(world: World, caller: Caller) -> Call:
        inbox = Inbox()
        ticket = await phone.send_code(
            world.services.database,
            keyring=world.services.keyring,
            sms=inbox,
            brand_id=world.brand.id,
            brand_name=world.brand.name,
            phone=f"199{secrets.randbelow(10**8):08}",
            member_id=caller.member_id if is_bound else None,
            address=secrets.token_hex(8),
        )
        form = {"ticket": ticket, "code": inbox.code}
        return Call(method="POST", path=f"/m/{world.brand.code}{path}", form=form)

    return build


async def any_phone(world: World, _caller: Caller) -> Call:
    """A code to a phone that got none yet."""
    form = {"phone": f"199{secrets.randbelow(10**8):08}", "agree": "on"}
    return Call(method="POST", path=f"/m/{world.brand.code}/sign-in/phone", form=form)


def own(method: str, path: str, **more: Any) -> Row:
    """A page of the customer's own."""
    return Row(call=at_brand(method, f"/me{path}", **more), may=CUSTOMERS, is_page=True)


async def a_member(world: World, _caller: Caller) -> Call:
    """A member of the first brand."""
    customer = await make_customer(world.services, world.brand)
    return Call(path=f"/hq/members/{customer.id}", target=str(customer.id))


async def a_pair(world: World, _caller: Caller) -> Call:
    """Two members of the first brand who are perhaps one person."""
    one, other = [await make_customer(world.services, world.brand) for _ in range(2)]
    async with world.services.database.connection(world.brand.id) as tx:
        await twins.note(tx, seen=[[one.id, other.id]])
    return Call(method="POST", path=f"/hq/members/{one.id}/two-people", form={"other": str(other.id)})


ROWS: dict[str, Row] = {
    "members.home": Row(call=at_brand("GET", ""), may=ALL, is_page=True),
    "members.members": Row(call=get("/hq/members"), may=HQ | OTHER_BRAND, is_page=True),
    "members.members.find": Row(
        call=send("POST", "/hq/members/find", form={"q": "nobody"}), may=HQ | OTHER_BRAND, is_page=True
    ),
    "members.member": Row(call=a_member, may=HQ, unknown=OTHER_BRAND, is_page=True),
    "members.member.two_people": Row(call=a_pair, may=HQ_ADMINS, unknown=OTHER_BRAND, is_page=True),
    "members.sign_in": Row(call=at_brand("GET", "/sign-in?stay=1"), may=ALL, is_page=True),
    "members.wechat.depart": Row(call=to_wechat, may=ALL, is_page=True),
    "members.wechat.arrive": Row(call=at_brand("GET", "/sign-in/wechat/back"), may=ALL, is_page=True),
    # The message has nobody to take it.
    "members.phone.send": Row(call=any_phone, may=ALL, is_page=True, ok_status=503),
    "members.phone.confirm": Row(call=with_code("/sign-in/code", is_bound=False), may=ALL, is_page=True),
    "members.phone.reloaded": Row(call=at_brand("GET", "/sign-in/code"), may=ALL, is_page=True),
    "members.terms": Row(call=at_brand("GET", "/terms"), may=ALL, is_page=True),
    "members.hq_terms": Row(call=get("/hq/terms"), may=ADMINS, is_page=True),
    "members.hq_terms.publish": Row(call=new_terms, may=ADMINS, is_page=True),
    "members.me": own("GET", ""),
    "members.me.reloaded": own("GET", "/code"),
    "members.me.agree": own("POST", "/terms"),
    "members.me.phone": Row(
        call=at_brand("POST", "/me/phone", phone="19900000001"), may=CUSTOMERS, is_page=True, ok_status=503
    ),
    "members.me.phone.confirm": Row(call=with_code("/me/code", is_bound=True), may=CUSTOMERS, is_page=True),
    "members.sign_out": own("POST", "/sign-out"),
    "members.sign_out_everywhere": own("POST", "/sign-out-everywhere"),
    "members.wechat_apps": Row(call=get("/hq/wechat"), may=ADMINS, is_page=True),
    "members.wechat_apps.save": Row(call=saved_app, may=ADMINS, is_page=True),
    "members.push.handshake": Row(call=handshake, may=ALL),
    "members.push": Row(call=push, may=ALL),
    # WeChat would have to be asked about a known app's code; of an unknown app nothing is told.
    "members_sign_in_mini": Row(call=send("POST", "/v1/mini-sessions", json=_NOBODYS), may=ALL, ok_status=404),
    "members_bind_mini_phone": Row(
        call=send("POST", "/v1/member/phone", json=_NOBODYS), may=CUSTOMERS, ok_status=404
    ),
    "members_get_own": Row(call=get("/v1/member"), may=CUSTOMERS),
    "members_agree": Row(call=send("POST", "/v1/member/agreement"), may=CUSTOMERS),
    "members_sign_out": Row(call=send("POST", "/v1/member/sign-out"), may=CUSTOMERS),
}
