"""Who may talk to the sandbox: apps and merchants with their keys, one private file each.

What the client's side needs of them is in ``credentials.json``; the gateway's own private keys are not.
"""

import base64
import os
import secrets
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from yundian.sandbox.config import SandboxConfig
from yundian.sandbox.seeds import digits, hexadecimal


class WeChatApp(msgspec.Struct, frozen=True, kw_only=True, tag="wechat_app"):
    """An official account (``official``) or a mini program (``mini``)."""

    name: str
    kind: str
    appid: str
    secret: str
    token: str
    aes_key: str


class WeChatMerchant(msgspec.Struct, frozen=True, kw_only=True, tag="wechat_merchant"):
    """``api_key`` is the v2 key (32 characters)."""

    name: str
    mch_id: str
    api_key: str


class AlipayApp(msgspec.Struct, frozen=True, kw_only=True, tag="alipay_app"):
    """``app_private_key_pkcs8`` and ``app_private_key`` (PKCS#1, bare base64, as the SDK wants it) are one key."""

    name: str
    app_id: str
    seller_id: str
    app_private_key_pkcs8: str
    app_private_key: str
    alipay_public_key: str
    gateway_private_key: str


Account = WeChatApp | WeChatMerchant | AlipayApp
KINDS = ("official", "mini", "wechat_merchant", "alipay_app")


class Accounts:
    """All accounts; made on first use and kept."""

    def __init__(self, config: SandboxConfig) -> None:
        self._config = config
        self.wechat_apps: dict[str, WeChatApp] = {}
        self.wechat_merchants: dict[str, WeChatMerchant] = {}
        self.alipay_apps: dict[str, AlipayApp] = {}
        self.sms_key = _sms_key(config.keys_folder)
        for path in sorted(config.keys_folder.glob("*.json")):
            self._remember(msgspec.json.decode(path.read_bytes(), type=Account))
        wanted = (config.official_accounts, config.mini_programs, config.wechat_merchants, config.alipay_apps)
        for kind, names in zip(KINDS, wanted, strict=True):
            for name in names:
                self.ensure(kind, name)
        self._publish()

    def ensure(self, kind: str, name: str) -> dict[str, Any]:
        """The client's side of an account; made if the name is new. Raises ``ValueError`` for an unknown kind."""
        if kind not in KINDS or not name.replace("-", "").replace("_", "").isalnum():
            raise ValueError(f"kind must be one of {KINDS} and the name plain")
        path = self._config.keys_folder / f"{kind}-{name}.json"
        if not path.exists():
            account = _make(kind, name, self._config.seed)
            write_private(path, msgspec.json.encode(account))
            self._remember(account)
            self._publish()
        return client_side(msgspec.json.decode(path.read_bytes(), type=Account))

    def _remember(self, account: Account) -> None:
        if isinstance(account, WeChatApp):
            self.wechat_apps[account.appid] = account
        elif isinstance(account, WeChatMerchant):
            self.wechat_merchants[account.mch_id] = account
        else:
            self.alipay_apps[account.app_id] = account

    def _publish(self) -> None:
        apps = self.wechat_apps.values()
        described = {
            "base_url": self._config.base_url,
            "wechat": {
                "official": {app.name: client_side(app) for app in apps if app.kind == "official"},
                "mini": {app.name: client_side(app) for app in apps if app.kind == "mini"},
                "merchants": {each.name: client_side(each) for each in self.wechat_merchants.values()},
            },
            "alipay": {
                "gateway_url": self._config.url("/gateway.do"),
                "apps": {app.name: client_side(app) for app in self.alipay_apps.values()},
            },
            "sms": {"send_url": self._config.url("/sms/send"), "key": self.sms_key},
        }
        text = msgspec.json.format(msgspec.json.encode(described), indent=2)
        write_private(self._config.folder / "credentials.json", text)


def client_side(account: Account) -> dict[str, Any]:
    """What the merchant's system is given of an account."""
    if isinstance(account, WeChatApp):
        return {
            "appid": account.appid,
            "secret": account.secret,
            "token": account.token,
            "aes_key": account.aes_key,
        }
    if isinstance(account, WeChatMerchant):
        return {"mch_id": account.mch_id, "api_key": account.api_key}
    return {
        "app_id": account.app_id,
        "seller_id": account.seller_id,
        "app_private_key_pkcs8": account.app_private_key_pkcs8,
        "app_private_key": account.app_private_key,
        "alipay_public_key": account.alipay_public_key,
    }


def write_private(path: Path, content: bytes) -> None:
    """Replace a file in one move; only its owner may ever read it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    draft.replace(path)


def _make(kind: str, name: str, seed: str) -> Account:
    if kind in {"official", "mini"}:
        return WeChatApp(
            name=name,
            kind=kind,
            appid="wx" + hexadecimal(16, seed, kind, name),
            secret=secrets.token_hex(16),
            token=secrets.token_hex(12),
            aes_key=base64.b64encode(secrets.token_bytes(32)).decode().rstrip("="),
        )
    if kind == "wechat_merchant":
        return WeChatMerchant(name=name, mch_id="16" + digits(8, seed, kind, name), api_key=secrets.token_hex(16))
    client, gateway = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
    return AlipayApp(
        name=name,
        app_id="2021" + digits(12, seed, kind, name),
        seller_id="2088" + digits(12, seed, "seller", name),
        app_private_key_pkcs8=_private_pem(client),
        app_private_key=_pkcs1_body(client),
        alipay_public_key=_public_pem(gateway),
        gateway_private_key=_private_pem(gateway),
    )


def _private_pem(key: rsa.RSAPrivateKey) -> str:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()


def _pkcs1_body(key: rsa.RSAPrivateKey) -> str:
    form, plain = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    return base64.b64encode(key.private_bytes(serialization.Encoding.DER, form, plain)).decode()


def _public_pem(key: rsa.RSAPrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def _sms_key(folder: Path) -> str:
    path = folder / "sms"
    if not path.exists():
        write_private(path, secrets.token_hex(16).encode())
    return path.read_text()
