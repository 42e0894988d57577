"""The sandbox beside the house: accounts are made before anybody starts, its process is a child like others."""

import json
import os
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import SecretStr

from yundian.app.config import local_host
from yundian.platform.core.settings import Environment, Settings

_ACCOUNT = "shop"


@dataclass(frozen=True)
class Credentials:
    """What the demo brand is told of its accounts: the sandbox's own words for them."""

    official: dict[str, str]
    mini: dict[str, str]
    merchant: dict[str, str]
    alipay: dict[str, str]
    gateway_url: str


def is_wanted(settings: Settings) -> bool:
    """In development only, and not where the operator named somebody who stands for WeChat."""
    return settings.environment is Environment.DEVELOPMENT and settings.sandbox and not settings.wechat_url


def prepare(settings: Settings) -> None:
    """Make the sandbox's accounts and keys, if there are none, and point the settings at it."""
    # It needs the key generator, which nobody needs who runs without a sandbox.
    from yundian.sandbox.accounts import Accounts  # noqa: PLC0415
    from yundian.sandbox.config import SandboxConfig  # noqa: PLC0415

    here = f"http://127.0.0.1:{settings.sandbox_port}"
    base_url = os.environ.get("YUNDIAN_SANDBOX_BASE_URL", here)
    config = SandboxConfig(var_dir=settings.var_dir, base_url=base_url)
    accounts = Accounts(config)
    settings.wechat_url = base_url.rstrip("/")
    if not settings.sms_url:
        settings.sms_url, settings.sms_key = config.url("/sms/send"), SecretStr(accounts.sms_key)


def health_address(settings: Settings) -> str:
    return f"http://127.0.0.1:{settings.sandbox_port}/sandbox/api/health"


def credentials(settings: Settings) -> Credentials | None:
    """The demo brand's accounts at the sandbox that the settings name; ``None`` when they name none of ours."""
    try:
        kept: dict[str, Any] = json.loads((settings.var_dir / "sandbox" / "credentials.json").read_text())
    except FileNotFoundError:
        return None
    if kept["base_url"].rstrip("/") != settings.wechat_url:
        return None
    wechat, alipay = kept["wechat"], kept["alipay"]
    return Credentials(
        official=wechat["official"][_ACCOUNT],
        mini=wechat["mini"][_ACCOUNT],
        merchant=wechat["merchants"][_ACCOUNT],
        alipay=alipay["apps"][_ACCOUNT],
        gateway_url=alipay["gateway_url"],
    )


def tell_pushes(settings: Settings) -> bool:
    """Point the sandbox's pushes about the demo brand's apps, and what it says of short messages, at the web
    process; whether it could reach it."""
    known = credentials(settings)
    if known is None:
        return True
    here = f"http://{local_host(settings)}:{settings.port}"
    there = f"http://127.0.0.1:{settings.sandbox_port}/sandbox/api"
    wanted = [
        (f"{there}/wechat/callback", {"appid": app_id, "url": f"{here}/wechat/{app_id}/push"})
        for app_id in (known.official["appid"], known.mini["appid"])
    ]
    wanted.append((f"{there}/sms/callback", {"url": f"{here}/sms"}))
    try:
        answers = [httpx.post(address, json=body, timeout=10, trust_env=False) for address, body in wanted]
    except httpx.HTTPError:
        return False
    return all(answer.is_success for answer in answers)
