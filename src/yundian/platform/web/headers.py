"""The headers of every answer: what browsers may do with our pages."""

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
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(self), payment=()"),
)
_HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
_NO_STORE = (b"cache-control", b"no-store")


def security_headers(present: set[bytes], *, is_https: bool) -> list[tuple[bytes, bytes]]:
    """What an answer that already has ``present`` still needs. Nothing is cached unless it says so itself."""
    wanted = [*_ALWAYS, _NO_STORE, *((_HSTS,) if is_https else ())]
    return [(name, value) for name, value in wanted if name not in present]
