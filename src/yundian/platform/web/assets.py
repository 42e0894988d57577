"""Static files: addressed by the hash of their content, so that browsers may keep them for ever."""

import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from litestar import Request
from litestar.datastructures.headers import CacheControlHeader
from litestar.router import Router
from litestar.static_files import create_static_files_router
from litestar.types import Guard

from yundian.platform.core.errors import NotFound

FOLDER = Path(__file__).parent / "static"
_YEAR_S = 31_536_000
_NAME = re.compile(r"[\w./-]{1,200}", re.ASCII)


@lru_cache(maxsize=256)
def static(name: str) -> str:
    """The address of a static file, with its content's hash; a missing file keeps a plain address."""
    file = FOLDER / name
    if not file.is_file():
        return f"/static/{name}"
    return f"/static/{name}?v={hashlib.sha256(file.read_bytes()).hexdigest()[:12]}"


def static_router(guards: list[Guard]) -> Router:
    """Serves the folder. Addresses carry the content's hash, hence the long life."""
    return create_static_files_router(
        path="/static",
        directories=[FOLDER],
        cache_control=CacheControlHeader(max_age=_YEAR_S, public=True, immutable=True),
        guards=guards,
        before_request=_refuse_strange_names,
        include_in_schema=False,
        opt={"no_principal": True, "exclude_from_limits": True},
    )


def _refuse_strange_names(request: Request[Any, Any, Any]) -> None:
    """The system's calls break on a NUL byte or a very long name, instead of finding no file."""
    if not _NAME.fullmatch(request.scope["path"]):
        raise NotFound
