"""One app at WeChat: sign-in, pages, codes, messages; tokens shared by all workers; no secret in any log."""

import asyncio
import dataclasses
import datetime as dt
import json
import logging
import time
import traceback
from urllib.parse import parse_qs, urlsplit

import pytest
from redis.asyncio import Redis

from tests.wechat.conftest import KEYRING, Account
from yundian.platform.wechat.client import WeChatApps
from yundian.platform.wechat.errors import LoginCodeRejected, WeChatRefused, WeChatUnavailable
from yundian.platform.wechat.types import Scope

pytestmark = pytest.mark.anyio


async def test_a_person_is_recognised_silently_and_known_by_name_with_consent(official: Account) -> None:
    url = official.client.authorize_url(
        redirect_uri="https://shop.example/back?a=1&b=2", scope=Scope.SILENT, state="once"
    )
    code, openid = official.code()
    silent = await official.client.identify(code)
    consented, _ = official.code(scope="snsapi_userinfo")
    known = await official.client.identify(consented)
    profile = await official.client.profile(known)

    parts = urlsplit(url)
    assert url.startswith(official.sandbox.base_url)
    assert parts.fragment == "wechat_redirect"
    assert parse_qs(parts.query)["redirect_uri"] == ["https://shop.example/back?a=1&b=2"]
    assert parse_qs(parts.query)["state"] == ["once"]
    assert (silent.openid, silent.unionid) == (openid, "")
    assert known.openid == openid
    assert known.unionid == profile.unionid != ""
    assert profile.nickname
    assert official.calls("cgi-bin.stable_token") == []


async def test_a_code_is_good_once_and_for_one_app(official: Account, mini: Account) -> None:
    code, _ = official.code()
    await official.client.identify(code)
    other, _ = mini.code("mini")

    for attempt in (official.client.identify(code), official.client.identify("nonsense")):
        with pytest.raises(LoginCodeRejected):
            await attempt
    with pytest.raises(LoginCodeRejected):
        await official.client.code_to_session(other)


async def test_a_mini_program_signs_in_and_hands_over_a_phone(mini: Account) -> None:
    code, openid = mini.code("mini", user_id=2)
    session = await mini.client.code_to_session(code)
    before = mini.calls("cgi-bin.stable_token")
    phone, _ = mini.code("phone", user_id=2)
    number = await mini.client.phone_number(phone)

    assert (session.openid, bool(session.unionid), bool(session.session_key)) == (openid, True, True)
    assert before == []
    assert number == "19900000002"
    assert session.session_key not in repr(session)


async def test_a_page_may_use_the_js_sdk_for_exactly_its_address(official: Account) -> None:
    address = "https://shop.example/pay?id=1&x=%E4%BA%91"
    config = await official.client.js_config(f"{address}#top")
    again = await official.client.js_config(address)
    asked = {
        "appid": config.app_id,
        "nonce": config.nonce,
        "timestamp": config.timestamp,
        "signature": config.signature,
    }
    good = official.sandbox.post("wechat/js-config", {**asked, "url": address})
    bad = official.sandbox.post("wechat/js-config", {**asked, "url": f"{address}&y=2"})

    assert good == {"errMsg": "config:ok"}
    assert bad != good
    assert again.nonce != config.nonce
    assert sum(each["operation"] == "cgi-bin.ticket" for each in official.calls("cgi-bin.*")) >= 1


async def test_codes_carry_a_scene(official: Account, mini: Account) -> None:
    code = await official.client.create_qr("L_abc123", life=dt.timedelta(days=3))
    forever = await official.client.create_qr("L_forever", life=None)
    picture = await mini.client.mini_program_code("L_abc123", page="pages/index")

    assert official.sandbox.http.get(code.image_url).headers["content-type"] == "image/png"
    assert code.expires_at is not None
    assert forever.expires_at is None
    assert picture.startswith(b"\x89PNG")
    with pytest.raises(WeChatRefused):
        await mini.client.mini_program_code("white space", page="pages/index")
    with pytest.raises(ValueError, match="32"):
        await mini.client.mini_program_code("x" * 33, page="pages/index")


async def test_messages_arrive_where_people_agreed(official: Account, mini: Account) -> None:
    _, follower = official.code()
    official.sandbox.post("wechat/act", {"appid": official.app.app_id, "act": "subscribe"})
    said = {"thing1": {"value": "到货了 <云店> & 😀"}}
    number = await official.client.send_template(openid=follower, template_id="T1", data=said)
    _, member = mini.code("mini")
    mini.sandbox.post("wechat/consent", {"appid": mini.app.app_id, "template_id": "T2"})
    await mini.client.send_subscription(openid=member, template_id="T2", data=said)
    with pytest.raises(WeChatRefused) as refused:
        await mini.client.send_subscription(openid=member, template_id="T2", data=said)

    assert number
    assert (refused.value.errcode, refused.value.retryable) == (43101, False)
    messages = official.sandbox.get("messages", recipient=follower)
    assert "到货了 <云店> & 😀" in messages[0]["body"]


async def test_two_workers_share_one_token_and_one_of_them_fetches_it(
    official: Account, colleague: WeChatApps
) -> None:
    theirs = colleague.of(official.app)
    made = await asyncio.gather(
        *(client.create_qr("S", life=None) for client in (official.client, theirs) for _ in range(6))
    )

    assert len(made) == 12
    assert len(official.calls("cgi-bin.stable_token")) == 1


async def test_a_token_is_renewed_before_it_ends_and_the_old_one_serves_while_wechat_is_away(
    official: Account, redis: Redis
) -> None:
    await official.client.create_qr("S", life=None)
    key = f"wechat:token:{official.app.app_id}"
    kept = json.loads(KEYRING.decrypt("wechat.shared", await redis.get(key)))
    # As it stands when four fifths of its life are over.
    await redis.set(key, KEYRING.encrypt("wechat.shared", json.dumps(kept | {"refresh_at": 1})))
    official.break_it("down", "cgi-bin.stable_token", remaining=1)
    await official.client.create_qr("S", life=None)
    await official.client.create_qr("S", life=None)

    outcomes = [each["outcome"] for each in official.calls("cgi-bin.stable_token")]
    assert outcomes == ["0", "down", "0"]


async def test_a_refused_token_is_renewed_once_and_not_for_ever(official: Account) -> None:
    official.break_it("error", "cgi-bin.qrcode", params={"code": 40001}, remaining=1)
    made = await official.client.create_qr("S", life=None)
    official.break_it("error", "cgi-bin.qrcode", params={"code": 40001}, remaining=None)
    for _ in range(3):
        with pytest.raises(WeChatRefused, match="40001"):
            await official.client.create_qr("S", life=None)

    assert made.ticket
    # One to begin with, one forced; the minute's limit holds back all the others.
    assert len(official.calls("cgi-bin.stable_token")) == 2


async def test_a_token_that_somebody_else_put_there_is_not_believed(official: Account, redis: Redis) -> None:
    key = f"wechat:token:{official.app.app_id}"
    for planted in (b'{"value":"planted","refresh_at":9e12,"expires_at":9e12}', b"", b"x" * 40):
        await redis.set(key, planted)
        await official.client.create_qr("S", life=None)
        assert b"planted" not in await redis.get(key)


async def test_while_redis_is_down_wechat_is_asked_each_time(official: Account) -> None:
    nowhere = Redis.from_url("redis://127.0.0.1:1", socket_connect_timeout=0.2)
    alone = WeChatApps(nowhere, KEYRING)
    await alone.of(official.app).create_qr("S", life=None)
    await alone.of(official.app).create_qr("S", life=None)
    await alone.aclose()
    await nowhere.aclose()

    assert len(official.calls("cgi-bin.stable_token")) == 2


async def test_a_peer_that_drips_is_left_at_the_deadline(
    official: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yundian.platform.wechat.reroute.TOTAL_S", 0.5)
    official.break_it("drip", "sns.access_token", params={"seconds": 6, "pieces": 60})
    code, _ = official.code()
    began = time.monotonic()
    with pytest.raises(WeChatUnavailable):
        await official.client.identify(code)

    assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("fault", "params"), [("down", {"status": 502}), ("down", {"status": 0}), ("body", {"text": "Bad Gateway"})]
)
async def test_an_answer_that_makes_no_sense_is_no_answer(
    official: Account, fault: str, params: dict[str, object]
) -> None:
    official.break_it(fault, "sns.access_token", params=params)
    code, _ = official.code()

    with pytest.raises(WeChatUnavailable):
        await official.client.identify(code)


async def test_proxies_of_the_machine_have_no_say(official: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    code, openid = official.code()

    assert (await official.client.identify(code)).openid == openid


async def test_no_secret_is_written_anywhere(
    official: Account,
    apps: WeChatApps,
    redis: Redis,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    code, openid = official.code(scope="snsapi_userinfo")
    identity = await official.client.identify(code)
    await official.client.profile(identity)
    await official.client.js_config("https://shop.example/")
    failures = []
    for fault in ("down", "body", "error"):
        official.break_it(fault, "sns.access_token", params={"text": "x", "status": 0, "code": 40029})
        with pytest.raises((WeChatUnavailable, WeChatRefused)) as failed:
            await official.client.identify("a-code-of-somebody")
        failures.append("".join(traceback.format_exception(failed.value)))
    # The libraries' own words on this one quote the address, secret and all.
    gone = apps.of(dataclasses.replace(official.app, api_url="http://127.0.0.1:1"))
    with pytest.raises(WeChatUnavailable) as failed:
        await gone.identify("a-code-of-somebody")
    failures.append("".join(traceback.format_exception(failed.value)))
    kept = {name: await redis.get(f"wechat:{name}:{official.app.app_id}") for name in ("token", "ticket")}
    opened = [KEYRING.decrypt("wechat.shared", sealed) for sealed in kept.values()]
    token, ticket = (text.split('"')[3] for text in opened)
    assert token.encode() not in kept["token"]
    assert ticket.encode() not in kept["ticket"]
    written = caplog.text + capsys.readouterr().out + "".join(failures) + repr(official.app) + repr(identity)
    assert "sns" not in caplog.text
    for secret in (official.app.secret, official.app.aes_key, token, ticket, identity.access_token, openid, code):
        assert secret not in written
    assert "a-code-of-somebody" not in caplog.text
