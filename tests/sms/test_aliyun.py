"""The second provider of short messages, against a server that checks signatures as its makers document them."""

import datetime as dt
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from yundian.platform.sms.aliyun import AliyunSms, signed_headers
from yundian.platform.sms.types import Fault, Refused, Sms, Taken, Unknown

pytestmark = pytest.mark.anyio

KEY_ID, KEY_SECRET = "LTAItest", "secret-of-the-test"
SMS = Sms(
    phone="19912345678",
    text="订单 7 可以取货了",
    sign="云店 & 美妆",
    reference="ref-1",
    template="SMS_1",
    values={"order": "7+ ~*", "shop": "静" * 50},
)


class Cloud(ThreadingHTTPServer):
    """Takes SendSms; ``answer`` is its next reply."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer: tuple[int, bytes] = (200, b'{"Code":"OK","BizId":"9009","Message":"OK"}')
        self.taken: list[dict[str, Any]] = []


class Handler(BaseHTTPRequestHandler):
    server: Cloud

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        names = self.headers["Authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
        lines = "".join(f"{name}:{self.headers[name].strip()}\n" for name in names)
        empty = hashlib.sha256(b"").hexdigest()
        request = "\n".join(("POST", "/", parts.query, lines, ";".join(names), empty))
        to_sign = f"ACS3-HMAC-SHA256\n{hashlib.sha256(request.encode()).hexdigest()}"
        signature = hmac.new(KEY_SECRET.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
        if self.headers["Authorization"].endswith(f"Signature={signature}") and "host" in names:
            self.server.taken.append({**parse_qs(parts.query), "action": self.headers["x-acs-action"]})
            status, body = self.server.answer
        else:
            status, body = 400, b'{"Code":"SignatureDoesNotMatch"}'
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    cloud = Cloud()
    thread = threading.Thread(target=cloud.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield cloud
    cloud.shutdown()
    thread.join()
    cloud.server_close()


def _gateway(cloud: Cloud, secret: str = KEY_SECRET) -> AliyunSms:
    return AliyunSms(key_id=KEY_ID, key_secret=secret, url=f"http://127.0.0.1:{cloud.server_port}/")


def test_the_signature_is_the_one_the_provider_publishes_for_its_example() -> None:
    headers = signed_headers(
        key_id="YourAccessKeyId",
        key_secret="YourAccessKeySecret",
        host="ecs.cn-shanghai.aliyuncs.com",
        action="RunInstances",
        version="2014-05-26",
        query={"ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd", "RegionId": "cn-shanghai"},
        at=dt.datetime(2023, 10, 26, 18, 22, 32, tzinfo=dt.timezone(dt.timedelta(hours=8))),
        nonce="3156853299f313e23d1673dc12e1703d",
    )

    assert headers["Authorization"] == (
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,"
        "SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,"
        "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


async def test_a_message_is_taken_with_its_template_and_values(cloud: Cloud) -> None:
    gateway = _gateway(cloud)
    assert await gateway.send(SMS) == Taken("9009")
    await gateway.aclose()

    [taken] = cloud.taken
    assert taken["action"] == "SendSms"
    assert taken["PhoneNumbers"] == ["19912345678"]
    assert taken["SignName"] == ["云店 & 美妆"]
    assert taken["OutId"] == ["ref-1"]
    assert json.loads(taken["TemplateParam"][0]) == {"order": "7+ ~*", "shop": "静" * 35}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, b'{"Code":"isv.BUSINESS_LIMIT_CONTROL"}'), Refused("isv.BUSINESS_LIMIT_CONTROL", Fault.BUSY)),
        ((400, b'{"Code":"Throttling.User"}'), Refused("Throttling.User", Fault.BUSY)),
        ((200, b'{"Code":"isv.MOBILE_NUMBER_ILLEGAL"}'), Refused("isv.MOBILE_NUMBER_ILLEGAL", Fault.PERSON)),
        ((200, b'{"Code":"isv.AMOUNT_NOT_ENOUGH"}'), Refused("isv.AMOUNT_NOT_ENOUGH", Fault.SETUP)),
        ((502, b"<html>"), Unknown("shape")),
        ((500, b'{"Code":"SomethingElse"}'), Unknown("SomethingElse")),
        ((200, b"{}"), Unknown("status_200")),
    ],
)
async def test_a_refusal_says_whose_fault_it_is(cloud: Cloud, answer: tuple[int, bytes], said: object) -> None:
    cloud.answer = answer
    gateway = _gateway(cloud)
    assert await gateway.send(SMS) == said
    await gateway.aclose()


async def test_nothing_is_sent_with_a_wrong_key_without_a_template_or_to_nobody(cloud: Cloud) -> None:
    wrong = _gateway(cloud, "another secret")
    assert await wrong.send(SMS) == Refused("SignatureDoesNotMatch", Fault.SETUP)
    await wrong.aclose()
    gateway = AliyunSms(key_id=KEY_ID, key_secret=KEY_SECRET, url="http://127.0.0.1:1/")
    assert await gateway.send(SMS) == Refused("ClientConnectorError", Fault.BUSY)
    bare = Sms(phone="19912345678", text="x", sign="x", reference="x")
    assert await gateway.send(bare) == Refused("no_template", Fault.SETUP)
    await gateway.aclose()
    assert cloud.taken == []
