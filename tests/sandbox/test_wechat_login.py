"""Who somebody is: web login, mini programs, tokens, the JS-SDK."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from wechatpy import WeChatClientException
from wechatpy.exceptions import WeChatOAuthException

from tests.sandbox.clients import app_client, oauth_client
from tests.sandbox.running import RunningSandbox

HANDOVER_S = 300


@pytest.fixture
def app(sandbox: RunningSandbox, number: str) -> dict[str, str]:
    return sandbox.account("official", number)


def _path(address: str) -> str:
    """The SDK's address without the real host, as a rerouted browser would ask."""
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}"


def _code(answer: httpx.Response) -> str:
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    assert (query["state"], query["x"]) == (["s1"], ["1"])
    return query["code"][0]


def test_a_stranger_chooses_who_she_is_and_is_known_silently_from_then_on(
    sandbox: RunningSandbox, app: dict[str, str]
) -> None:
    oauth = oauth_client(sandbox.base_url, app)
    asked = _path(oauth.authorize_url)
    with httpx.Client(base_url=sandbox.base_url, trust_env=False) as phone:
        page = phone.get(asked)
        form = {"appid": app["appid"], "redirect_uri": oauth.redirect_uri, "scope": "snsapi_base", "state": "s1"}
        first = phone.post("/connect/decide", data={**form, "user_id": "2", "decision": "allow"})
        second = phone.get(asked)
    got = oauth.fetch_access_token(_code(first))
    again = oauth.fetch_access_token(_code(second))

    assert (page.status_code, "王芳" in page.text) == (200, True)
    assert (first.status_code, second.status_code) == (303, 302)
    assert got["openid"] == again["openid"]
    assert "unionid" not in got
    with pytest.raises(WeChatOAuthException) as no_profile:
        oauth.get_user_info()
    assert no_profile.value.errcode == 48001


def test_consent_gives_a_profile_and_a_unionid_that_all_apps_share(
    sandbox: RunningSandbox, app: dict[str, str], number: str
) -> None:
    oauth = oauth_client(sandbox.base_url, app, scope="snsapi_userinfo")
    with httpx.Client(base_url=sandbox.base_url, trust_env=False) as phone:
        form = {"appid": app["appid"], "redirect_uri": oauth.redirect_uri, "scope": oauth.scope, "state": "s1"}
        allowed = phone.post("/connect/decide", data={**form, "nickname": "新 <客>", "decision": "allow"})
        refused = phone.post("/connect/decide", data={**form, "decision": "refuse"})
        asked_again = phone.get(_path(oauth.authorize_url))
    got = oauth.fetch_access_token(_code(allowed))
    profile = oauth.get_user_info()
    refreshed = oauth.refresh_access_token(got["refresh_token"])
    mini = sandbox.account("mini", number)
    user_id = next(each["id"] for each in sandbox.get("users") if each["nickname"] == "新 <客>")
    code = sandbox.post("wechat/code", {"appid": mini["appid"], "purpose": "mini", "user_id": user_id})["code"]
    session = _session(sandbox, mini, code)

    assert (profile["nickname"], profile["openid"]) == ("新 <客>", got["openid"])
    assert profile["unionid"] == got["unionid"] == session["unionid"]
    assert session["openid"] != got["openid"]
    assert refreshed["openid"] == got["openid"]
    assert "code=" not in refused.headers["location"]
    assert "新 &lt;客&gt;" in asked_again.text


def _session(sandbox: RunningSandbox, mini: dict[str, str], code: str) -> dict[str, str]:
    query = {"appid": mini["appid"], "secret": mini["secret"], "js_code": code, "grant_type": "authorization_code"}
    session: dict[str, str] = sandbox.http.get("/sns/jscode2session", params=query).json()
    return session


def test_a_code_is_good_once_for_five_minutes_and_for_its_own_app(
    sandbox: RunningSandbox, app: dict[str, str], number: str
) -> None:
    other = oauth_client(sandbox.base_url, sandbox.account("official", f"{number}x"))
    oauth = oauth_client(sandbox.base_url, app)
    used, old = (sandbox.post("wechat/code", {"appid": app["appid"]})["code"] for _ in range(2))
    oauth.fetch_access_token(used)
    refusals = []
    for client, code in ((oauth, used), (other, old), (oauth, "made-up")):
        with pytest.raises(WeChatOAuthException) as refusal:
            client.fetch_access_token(code)
        refusals.append(refusal.value.errcode)
    sandbox.post("clock/advance", {"seconds": 301})
    with pytest.raises(WeChatOAuthException) as expired:
        oauth.fetch_access_token(old)

    assert refusals == [40163, 40029, 40029]
    assert expired.value.errcode == 42003


@pytest.mark.parametrize(
    "change",
    [{"appid": "wx0"}, {"scope": "everything"}, {"redirect_uri": "javascript:alert(1)"}, {"redirect_uri": "/x"}],
)
def test_a_login_that_makes_no_sense_goes_nowhere(
    sandbox: RunningSandbox, app: dict[str, str], change: dict[str, str]
) -> None:
    query = {"appid": app["appid"], "redirect_uri": "http://shop.test/", "scope": "snsapi_base", "state": "s"}
    answer = sandbox.http.get("/connect/oauth2/authorize", params={**query, **change})

    assert (answer.status_code, "location" in answer.headers) == (400, False)


def test_a_mini_program_logs_in_through_the_sdk_and_learns_the_phone(sandbox: RunningSandbox, number: str) -> None:
    mini = sandbox.account("mini", number)
    client = app_client(sandbox.base_url, mini)
    code = sandbox.post("wechat/code", {"appid": mini["appid"], "purpose": "mini", "user_id": 2})["code"]
    session = client.wxa.code_to_session(code)
    phone_code = sandbox.post("wechat/code", {"appid": mini["appid"], "purpose": "phone", "user_id": 2})["code"]
    phone = client.post(
        "wxa/business/getuserphonenumber", api_base_url="https://api.weixin.qq.com/", data={"code": phone_code}
    )
    client._http.close()

    assert set(session) >= {"openid", "session_key", "unionid"}
    assert phone["phone_info"]["purePhoneNumber"] == "19900000002"
    assert phone["phone_info"]["watermark"]["appid"] == mini["appid"]
    assert _session(sandbox, mini, code)["errcode"] == 40163  # type: ignore[comparison-overlap]


def _stable(sandbox: RunningSandbox, app: dict[str, str], *, force: bool = False) -> dict[str, object]:
    body = {
        "grant_type": "client_credential",
        "appid": app["appid"],
        "secret": app["secret"],
        "force_refresh": force,
    }
    got: dict[str, object] = sandbox.http.post("/cgi-bin/stable_token", json=body).json()
    return got


def _works(sandbox: RunningSandbox, token: object) -> bool:
    answer = sandbox.http.get("/cgi-bin/ticket/getticket", params={"access_token": str(token), "type": "jsapi"})
    return bool(answer.json()["errcode"] == 0)


def test_the_stable_token_stays_the_same_until_the_handover_when_both_are_good(
    sandbox: RunningSandbox, app: dict[str, str]
) -> None:
    first, second = _stable(sandbox, app), _stable(sandbox, app)
    sandbox.post("clock/advance", {"seconds": 7200 - HANDOVER_S + 5})
    third = _stable(sandbox, app)
    both = (_works(sandbox, first["access_token"]), _works(sandbox, third["access_token"]))
    sandbox.post("clock/advance", {"seconds": HANDOVER_S})

    assert first["access_token"] == second["access_token"] != third["access_token"]
    assert len(str(first["access_token"])) > 255
    assert both == (True, True)
    assert (_works(sandbox, first["access_token"]), _works(sandbox, third["access_token"])) == (False, True)


def test_a_forced_refresh_ends_the_old_token_and_waits_thirty_seconds(
    sandbox: RunningSandbox, app: dict[str, str]
) -> None:
    first = _stable(sandbox, app)
    too_soon = _stable(sandbox, app, force=True)
    sandbox.post("clock/advance", {"seconds": 31})
    forced = _stable(sandbox, app, force=True)

    assert first["access_token"] == too_soon["access_token"] != forced["access_token"]
    assert (_works(sandbox, first["access_token"]), _works(sandbox, forced["access_token"])) == (False, True)


def test_the_classic_token_ends_the_one_before_and_leaves_the_stable_one_alone(
    sandbox: RunningSandbox, app: dict[str, str]
) -> None:
    stable = _stable(sandbox, app)["access_token"]
    first, second = app_client(sandbox.base_url, app), app_client(sandbox.base_url, app)
    old = first.fetch_access_token()["access_token"]
    new = second.fetch_access_token()["access_token"]
    first._http.close()
    second._http.close()

    assert [_works(sandbox, token) for token in (old, new, stable)] == [False, True, True]


def test_a_wrong_secret_gets_no_token(sandbox: RunningSandbox, app: dict[str, str]) -> None:
    client = app_client(sandbox.base_url, {**app, "secret": "0" * 32})
    with pytest.raises(WeChatClientException) as refusal:
        client.fetch_access_token()
    client._http.close()

    assert refusal.value.errcode == 40125
    assert _stable(sandbox, {**app, "secret": ""})["errcode"] == 40125


@pytest.mark.parametrize("code", [40001, 45009, -1])
def test_the_api_may_answer_any_error_once(sandbox: RunningSandbox, app: dict[str, str], code: int) -> None:
    token = _stable(sandbox, app)["access_token"]
    sandbox.break_it("error", provider="wechat", operation="cgi-bin.ticket", params={"code": code})

    assert [_works(sandbox, token), _works(sandbox, token)] == [False, True]


def test_a_page_is_configured_only_with_a_signature_for_its_own_address(
    sandbox: RunningSandbox, app: dict[str, str]
) -> None:
    client = app_client(sandbox.base_url, app)
    url = "http://shop.test/g/abc?from=x"
    ticket = client.jsapi.get_jsapi_ticket()
    signature = client.jsapi.get_jsapi_signature("n0nce", ticket, "1700000000", url)
    client._http.close()
    page = {"appid": app["appid"], "nonce": "n0nce", "timestamp": "1700000000", "signature": signature}

    assert sandbox.post("wechat/js-config", {**page, "url": url})["errMsg"] == "config:ok"
    assert sandbox.post("wechat/js-config", {**page, "url": url + "#x"})["errMsg"] != "config:ok"
