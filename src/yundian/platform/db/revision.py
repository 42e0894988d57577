"""Which migration the database stands at, and which one this code expects; without loading Alembic.

A web process asks this for ``/readyz``, and Alembic would cost it a tenth of its memory.
"""

import re
from functools import lru_cache
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

VERSIONS = Path(__file__).parents[4] / "alembic" / "versions"

_REVISION = re.compile(r"^(revision|down_revision)\b.*?=\s*[\"'](\w+)[\"']", re.MULTILINE)


async def current_revision(connection: AsyncConnection) -> str | None:
    """The revision the database stands at, or ``None`` for an empty one."""
    if await connection.scalar(sa.text("SELECT to_regclass('public.alembic_version')")) is None:
        return None
    return (await connection.exec_driver_sql("SELECT version_num FROM alembic_version")).scalar_one_or_none()


@lru_cache(maxsize=1)
def newest_revision() -> str:
    """The migration that no other follows; there is one line of them."""
    found = [dict(_REVISION.findall(file.read_text())) for file in sorted(VERSIONS.glob("*.py"))]
    followed = {each.get("down_revision") for each in found}
    (newest,) = [each["revision"] for each in found if each["revision"] not in followed]
    return str(newest)
