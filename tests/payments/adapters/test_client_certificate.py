"""WeChat Pay pays nothing back to whoever does not show the merchant's certificate: a TLS gateway on loopback."""

import asyncio
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from yundian.payments.adapters.providers import ProviderPool
from yundian.payments.adapters.wechat import messages
from yundian.payments.errors import BadCredentials
from yundian.payments.types import (
    OutcomeUnknown,
    ProviderRefund,
    RefundOrder,
    Refused,
    WeChatPayAccount,
)
from yundian.platform.core import clock
from yundian.platform.core.money import Money

pytestmark = pytest.mark.anyio

ORDER = RefundOrder(
    out_trade_no="T1", out_refund_no="R1", amount=Money(400, "CNY"), total=Money(1250, "CNY"), reason="换色号"
)
ACCOUNT = WeChatPayAccount(app_id="wx1", merchant_id="1600000001", api_key="k" * 32)


@dataclass(frozen=True)
class Issued:
    """A certificate and its key, as PEM."""

    certificate: str
    key: str


class Authority:
    """A certification authority of one test."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        built = self._builder(self._name, self._key, is_authority=True).sign(self._key, hashes.SHA256())
        self.pem = built.public_bytes(serialization.Encoding.PEM).decode()

    def issue(self, name: str) -> Issued:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        loopback = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        builder = self._builder(subject, key, is_authority=False).add_extension(loopback, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return Issued(certificate.public_bytes(serialization.Encoding.PEM).decode(), secret.decode())

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, is_authority: bool
    ) -> x509.CertificateBuilder:
        now = clock.now()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
                critical=False,
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
            )
            .add_extension(
                x509.KeyUsage(
                    digital_signature=True,
                    key_cert_sign=is_authority,
                    crl_sign=is_authority,
                    content_commitment=False,
                    key_encipherment=False,
                    data_encipherment=False,
                    key_agreement=False,
                    encipher_only=False,
                    decipher_only=False,
                ),
                critical=True,
            )
        )


@dataclass
class Gateway:
    """WeChat's refund address: TLS, and nobody enters without a certificate of the authority."""

    authority: Authority
    url: str = ""
    shown: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(5):
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
                )
                asked = messages.load(await reader.readexactly(length))
            certificate = writer.get_extra_info("peercert")
            self.shown.append(dict(pair[0] for pair in certificate["subject"])["commonName"])
            repeated = {
                name: asked[name] for name in ("appid", "mch_id", "out_trade_no", "out_refund_no", "refund_fee")
            }
            said = {"return_code": "SUCCESS", "result_code": "SUCCESS", "refund_id": "50001"} | repeated
            body = messages.dump(said, ACCOUNT.api_key)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
            await writer.drain()
        finally:
            writer.close()


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    authority = Authority()
    own = authority.issue("gateway")
    files = {"authority": authority.pem, "own": own.certificate + own.key}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=tmp_path / "authority")
    context.load_cert_chain(tmp_path / "own")
    context.verify_mode = ssl.CERT_REQUIRED
    opened = Gateway(authority)
    server = await asyncio.start_server(opened.serve, "127.0.0.1", 0, ssl=context)
    opened.url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield opened
    server.close()


@pytest.fixture
def trusted(gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """The machine trusts the gateway's authority."""
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority"))
    # What calls without a certificate use; it was made when the library was loaded.
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", ssl.create_default_context())
    return gateway


async def _refund(account: WeChatPayAccount) -> ProviderRefund | Refused | OutcomeUnknown:
    pool = ProviderPool()
    try:
        return await pool.of(account).refund(ORDER)
    finally:
        await pool.aclose()


def _with(account: WeChatPayAccount, gateway: Gateway, issued: Issued | None) -> WeChatPayAccount:
    account = replace(account, gateway_url=gateway.url)
    if issued is None:
        return account
    return replace(account, certificate=issued.certificate, certificate_key=issued.key)


async def test_a_refund_shows_the_accounts_own_certificate(trusted: Gateway) -> None:
    own, another = trusted.authority.issue("merchant 1600000001"), trusted.authority.issue("merchant 2")

    first = await _refund(_with(ACCOUNT, trusted, own))
    await _refund(_with(ACCOUNT, trusted, another))

    assert isinstance(first, ProviderRefund)
    assert (first.provider_ref, first.amount) == ("50001", Money(400, "CNY"))
    assert trusted.shown == ["merchant 1600000001", "merchant 2"]


@pytest.mark.parametrize("shows", ["nothing", "a stranger's"])
async def test_without_the_right_certificate_nothing_is_paid_back(trusted: Gateway, shows: str) -> None:
    issued = None if shows == "nothing" else Authority().issue("merchant 1600000001")

    result = await _refund(_with(ACCOUNT, trusted, issued))

    assert isinstance(result, Refused | OutcomeUnknown)
    assert trusted.shown == []


async def test_a_gateway_that_nobody_vouches_for_hears_nothing(gateway: Gateway) -> None:
    result = await _refund(_with(ACCOUNT, gateway, gateway.authority.issue("merchant 1600000001")))

    assert isinstance(result, Refused)
    assert gateway.shown == []


def test_a_certificate_with_another_key_is_refused_at_once() -> None:
    authority = Authority()
    mixed = replace(authority.issue("a"), key=authority.issue("b").key)

    with pytest.raises(BadCredentials):
        ProviderPool().of(_with(ACCOUNT, Gateway(authority), mixed))
