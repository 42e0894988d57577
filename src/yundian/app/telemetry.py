"""Traces from a request through SQL to the job it caused, when an exporter is configured; nothing otherwise."""

import contextlib
from collections.abc import Generator

from yundian.platform.core.settings import Settings


@contextlib.contextmanager
def tracing(settings: Settings) -> Generator[None, None, None]:
    """Trace this process while the block runs. Without ``otlp_endpoint`` not even the exporter is loaded."""
    if not settings.otlp_endpoint:
        yield
        return
    from yundian.app.tracer import started  # noqa: PLC0415  megabytes that only traced processes need

    with started(settings):
        yield
