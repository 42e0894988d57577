"""HQ sets up the brand's apps; WeChat pushes what happens there."""

import secrets

import httpx
import pytest
from litestar import Litestar

from tests.helpers import make_client, submit
from tests.members.conftest import Phone, address
from tests.members.makers import count
from tests.people import sign_in_as
from yundian.brands.types import BrandView
from yundian.members import api
from yundian.members.service import pushes
from yundian.members.types import AppKind
from yundian.platform.core import clock
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services
from yundian.platform.wechat.types import WeChatApp
from yundian.sandbox.wechat.signing import push_signature, seal_push

pytestmark = pytest.mark.anyio

APP = "wx00000000000000aa"


async def secrets_of(services: Services, brand: BrandView) -> WeChatApp:
    found = await api.app_of_brand(
        services.database, keyring=services.keyring, brand_id=brand.id, kind=AppKind.OFFICIAL
    )
    assert found is not None
    return found


def said(openid: str | None, event: str, more: str) -> str:
    """A push as WeChat writes it."""
    return (
        f"<xml><ToUserName>gh_1</ToUserName><FromUserName>{openid}</FromUserName>"
        f"<CreateTime>1700000000</CreateTime><MsgType>event</MsgType><Event>{event}</Event>{more}</xml>"
    )


def sealed(app: WeChatApp, plain: str) -> tuple[dict[str, str], bytes]:
    """A delivery of it in safe mode."""
    text = seal_push(plain.encode(), aes_key=app.aes_key, appid=app.app_id)
    stamp, nonce = str(int(clock.now().timestamp())), secrets.token_hex(8)
    query = {"timestamp": stamp, "nonce": nonce, "msg_signature": push_signature(app.token, stamp, nonce, text)}
    return query, f"<xml><Encrypt><![CDATA[{text}]]></Encrypt></xml>".encode()


async def hq(services: Services, app: Litestar, brand: BrandView) -> httpx.AsyncClient:
    person = await sign_in_as(services, brand.id, Role.HQ_ADMIN)
    browser = make_client(app, peer=address())
    browser.cookies.set("yundian_session", person.token)
    return browser


async def test_secrets_go_in_and_never_come_out(services: Services, shop_app: Litestar, brand: BrandView) -> None:
    app_id = f"wx{brand.id.hex[-16:]}"
    async with await hq(services, shop_app, brand) as browser:
        saved = await submit(browser, "/hq/wechat/official", {"app_id": app_id, "secret": "very-secret-1"})
        shown = await browser.get("/hq/wechat", headers={"Accept": "text/html"})
        kept = await submit(browser, "/hq/wechat/official", {"app_id": app_id, "token": "tok-123", "version": "1"})
        stale = await submit(browser, "/hq/wechat/official", {"app_id": app_id, "token": "tok-9", "version": "1"})

    assert (saved.status_code, kept.status_code, stale.status_code) == (303, 303, 409)
    assert app_id in shown.text
    assert "very-secret-1" not in shown.text
    async with services.database.connection(brand.id) as tx:
        row = await tx.fetchrow("SELECT * FROM members_wechat_app")
    assert row is not None
    assert b"very-secret-1" not in row["secret_sealed"]
    assert row["token_sealed"] is not None


@pytest.mark.parametrize(
    "data",
    [
        {"app_id": "wx1", "secret": "very-secret-1"},
        {"app_id": APP},
        {"app_id": APP, "secret": "short"},
        {"app_id": APP, "secret": "very-secret-1", "aes_key": "too-short"},
    ],
)
async def test_what_cannot_be_right_is_refused(
    services: Services, shop_app: Litestar, brand: BrandView, data: dict[str, str]
) -> None:
    async with await hq(services, shop_app, brand) as browser:
        answer = await submit(browser, "/hq/wechat/official", data)

    assert answer.status_code == 400
    assert await count(services, brand, "members_wechat_app") == 0


async def test_an_app_belongs_to_one_brand_until_it_is_given_up(
    services: Services, shop_app: Litestar, brand: BrandView, other_brand: BrandView
) -> None:
    app_id, another = f"wx{brand.id.hex[-16:]}", f"wx{other_brand.id.hex[-16:]}"
    form = {"app_id": app_id, "secret": "very-secret-1"}
    async with await hq(services, shop_app, brand) as ours, await hq(services, shop_app, other_brand) as theirs:
        await submit(ours, "/hq/wechat/official", form)
        taken = await submit(theirs, "/hq/wechat/mini", form)
        twice = await submit(ours, "/hq/wechat/mini", form)
        moved = await submit(
            ours, "/hq/wechat/official", {"app_id": another, "secret": "very-secret-2", "version": "1"}
        )
        free = await submit(theirs, "/hq/wechat/mini", form)

    assert (taken.status_code, twice.status_code) == (409, 409)
    assert (moved.status_code, free.status_code) == (303, 303)


async def test_the_handshake_is_answered_for_who_knows_the_token(
    phone: Phone, official: str, services: Services, brand: BrandView
) -> None:
    app = await secrets_of(services, brand)
    stamp = str(int(clock.now().timestamp()))
    query = {"timestamp": stamp, "nonce": "n1", "echostr": "hello"}
    right = {**query, "signature": push_signature(app.token, stamp, "n1")}
    wrong = {**query, "signature": push_signature("another", stamp, "n1")}

    answer = await phone.browser.get(f"/wechat/{official}/push", params=right)
    assert (answer.status_code, answer.text) == (200, "hello")
    assert (await phone.browser.get(f"/wechat/{official}/push", params=wrong)).status_code == 400


async def test_follows_and_scans_are_kept_once_with_their_scene(
    phone: Phone, official: str, services: Services, brand: BrandView
) -> None:
    await phone.sign_in_by_wechat(official, user_id=2)
    async with services.database.connection(brand.id) as tx:
        member_id = await tx.fetchval("SELECT id FROM members_member")
        openid = await api.openid_of(tx, keyring=services.keyring, member_id=member_id, app_id=official)
    app = await secrets_of(services, brand)
    subscribe = said(openid, "subscribe", "<EventKey>qrscene_L_abc</EventKey><Ticket>t</Ticket>")
    scan = said("o-stranger", "SCAN", "<EventKey>L_abc</EventKey><Ticket>t</Ticket>")
    for plain in (subscribe, subscribe, scan, said(openid, "VIEW", "<EventKey>x</EventKey>")):
        query, body = sealed(app, plain)
        # Twice the same delivery, and the same told again in a new one.
        for _ in range(2):
            answer = await phone.browser.post(f"/wechat/{official}/push", params=query, content=body)
            assert (answer.status_code, answer.text) == (200, "success")

    async with services.database.connection(brand.id) as tx:
        rows = await tx.fetch("SELECT kind, scene FROM members_wechat_event ORDER BY id")
        events = await tx.fetch(
            "SELECT payload FROM outbox_event WHERE tag = 'members.wechat_happened.v1' ORDER BY id"
        )
    assert [tuple(row) for row in rows] == [("subscribe", "L_abc"), ("scan", "L_abc")]
    assert [str(member_id) in row["payload"] for row in events] == [True, False]


async def test_what_wechat_did_not_sign_is_refused(phone: Phone, official: str) -> None:
    address = f"/wechat/{official}/push"
    query = {"timestamp": "1", "nonce": "n", "msg_signature": "x", "signature": "x", "echostr": "hello"}

    assert (await phone.browser.post(address, params=query, content=b"<xml/>")).status_code == 400
    assert (await phone.browser.get(address, params=query)).status_code == 400
    assert (await phone.browser.get("/wechat/wx00000000000000ff/push", params=query)).status_code == 404


async def test_old_codes_and_counts_are_forgotten(
    phone: Phone, services: Services, brand: BrandView, official: str
) -> None:
    await phone.sign_in_by_wechat(official)
    await phone.ask_code("19912345678")
    async with services.database.connection(brand.id) as tx:
        await tx.execute("UPDATE members_sms_code SET expires_at = now() - interval '3 days'")
        await tx.execute("UPDATE members_sms_quota SET last_at = now() - interval '3 days'")
        await tx.execute("UPDATE members_used_state SET created_at = now() - interval '3 days'")
    await pushes.forget_old(services.database)

    for table in ("members_sms_code", "members_sms_quota", "members_used_state"):
        assert await count(services, brand, table) == 0
    assert await count(services, brand, "members_member") == 1
