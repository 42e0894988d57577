"""What we lean on inside two SDKs. Red after an upgrade: read the new code, then write down its fingerprints."""

import hashlib
import inspect
from importlib.metadata import version
from typing import Any

import pytest
from alipay.aop.api import AlipayClientConfig
from alipay.aop.api.DefaultAlipayClient import DefaultAlipayClient
from alipay.aop.api.util import SignatureUtils, WebUtils
from wechatpy.client.base import BaseWeChatClient
from wechatpy.crypto import BaseWeChatCrypto, WeChatRefundCrypto
from wechatpy.oauth import WeChatOAuth
from wechatpy.parser import parse_message
from wechatpy.pay import utils

PINNED: dict[str, tuple[Any, str]] = {
    "alipay prepares": (DefaultAlipayClient._DefaultAlipayClient__prepare_request_params, "95ef464c84753f36"),
    "alipay encodes": (DefaultAlipayClient._DefaultAlipayClient__prepare_request, "73044fea3c1a5aff"),
    "alipay parses": (DefaultAlipayClient._DefaultAlipayClient__parse_response, "404f33fa07ba0a67"),
    "alipay pages": (DefaultAlipayClient.page_execute, "db9374e45d0e335c"),
    "alipay configures": (AlipayClientConfig.AlipayClientConfig, "ea9e5594c16f57b4"),
    "alipay sign content": (SignatureUtils.get_sign_content, "bf8f32d46e795c39"),
    "alipay url encoding": (WebUtils.url_encode, "25b32407442503c6"),
    "wechat sign content": (utils.format_url, "aa32ff28ed69a0e6"),
    "wechat hmac": (utils.calculate_signature_hmac, "40f4aae56d60671d"),
    "wechat xml": (utils.dict_to_xml, "bce283754dbe9a51"),
    "wechat requests": (BaseWeChatClient._request, "f44c913e00452bcc"),
    "wechat results": (BaseWeChatClient._handle_result, "b3a88061c83faf7c"),
    "wechat login": (WeChatOAuth._request, "f7f375990d4ba753"),
    "wechat login page": (WeChatOAuth.authorize_url.fget, "51df7192fef71cfd"),
    "wechat seals": (BaseWeChatCrypto._decrypt_message, "316f24e9ef24991f"),
    "wechat refund seals": (WeChatRefundCrypto._decrypt_message, "2cbcc6ec1f6c4f06"),
    "wechat messages": (parse_message, "6686939e0c7e4eda"),
}


def test_the_sdks_are_the_ones_we_read() -> None:
    assert (version("alipay-sdk-python"), version("wechatpy")) == ("3.7.1411", "1.8.18")


@pytest.mark.parametrize("name", PINNED)
def test_the_code_we_lean_on_is_as_it_was(name: str) -> None:
    code, fingerprint = PINNED[name]

    assert hashlib.sha256(inspect.getsource(code).encode()).hexdigest()[:16] == fingerprint
