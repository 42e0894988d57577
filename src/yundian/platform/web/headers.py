"""The headers of every answer: what browsers may do with our pages."""

from functools import cache
from urllib.parse import urlsplit

from yundian.platform.core.settings import Settings

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)

_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(self), payment=()"),
)
# For pages with a scanner: their own script may use the camera.
WITH_CAMERA = {"Permissions-Policy": "camera=(self), microphone=(), geolocation=(self), payment=()"}
_HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
_NO_STORE = (b"cache-control", b"no-store")


def content_security_policy(settings: Settings) -> str:
    """What pages may load. In development the sandbox is WeChat: its script, and its cashier over the page.

    Inside the real WeChat neither is needed to pay: its browser brings both.
    """
    return CONTENT_SECURITY_POLICY if settings.is_production else _with_sandbox(settings.wechat_url)


@cache
def _with_sandbox(wechat_url: str) -> str:
    parts = urlsplit(wechat_url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return CONTENT_SECURITY_POLICY
    origin = f"{parts.scheme}://{parts.netloc}"
    return f"{CONTENT_SECURITY_POLICY}; script-src 'self' {origin}; frame-src {origin}"


def security_headers(present: set[bytes], settings: Settings, *, is_https: bool) -> list[tuple[bytes, bytes]]:
    """What an answer that already has ``present`` still needs. Nothing is cached unless it says so itself."""
    policy = (b"content-security-policy", content_security_policy(settings).encode())
    wanted = [policy, *_ALWAYS, _NO_STORE, *((_HSTS,) if is_https else ())]
    return [(name, value) for name, value in wanted if name not in present]
