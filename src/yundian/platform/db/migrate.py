"""Brings a database to the newest schema: roles, migrations, grants, in this order. Safe to run at any time."""

import asyncio
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from yundian.platform.core.settings import Settings
from yundian.platform.db import tenancy
from yundian.platform.db.database import sqlalchemy_url
from yundian.platform.db.revision import current_revision, newest_revision

ROOT = Path(__file__).parents[4]

# Any two migrators wait for each other; the number only has to be ours.
MIGRATION_LOCK = 7_946_123_001


def alembic_config(settings: Settings) -> Any:
    """Alembic's ``Config``. It is loaded here, by whoever has something to migrate."""
    from alembic.config import Config  # noqa: PLC0415

    config = Config(ROOT / "alembic.ini")
    config.attributes["settings"] = settings
    return config


async def upgrade(settings: Settings, revision: str = "head") -> None:
    """Create the roles where missing, migrate, and grant the application its rows.

    A schema that is the newest already is left alone: to see that takes no Alembic, nor the models of every room.
    """
    engine = create_async_engine(sqlalchemy_url(settings.database_owner_url), poolclass=NullPool)
    async with engine.begin() as owner:
        await tenancy.ensure_roles(owner, settings)
        is_newest = await current_revision(owner) == newest_revision()
    if revision != "head" or not is_newest:
        await asyncio.to_thread(_migrate, settings, revision)
    async with engine.begin() as owner:
        await tenancy.grant_tables(owner)
    await engine.dispose()


def head_revision(settings: Settings) -> str:
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    head = ScriptDirectory.from_config(alembic_config(settings)).get_current_head()
    if head is None:
        raise RuntimeError("there are no migrations")
    return head


def _migrate(settings: Settings, revision: str) -> None:
    """In a thread: Alembic's ``env.py`` runs an event loop of its own."""
    from alembic import command  # noqa: PLC0415

    command.upgrade(alembic_config(settings), revision)
