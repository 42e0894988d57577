"""Brings a database to the newest schema: roles, migrations, grants, in this order. Safe to run at any time."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from yundian.platform.core.settings import Settings
from yundian.platform.db import tenancy
from yundian.platform.db.database import sqlalchemy_url

ROOT = Path(__file__).parents[4]

# Any two migrators wait for each other; the number only has to be ours.
MIGRATION_LOCK = 7_946_123_001


def alembic_config(settings: Settings) -> Config:
    config = Config(ROOT / "alembic.ini")
    config.attributes["settings"] = settings
    return config


async def upgrade(settings: Settings, revision: str = "head") -> None:
    """Create the roles where missing, migrate, and grant the application its rows."""
    engine = create_async_engine(sqlalchemy_url(settings.database_owner_url), poolclass=NullPool)
    async with engine.begin() as owner:
        await tenancy.ensure_roles(owner, settings)
    # alembic's env.py runs its own event loop.
    await asyncio.to_thread(command.upgrade, alembic_config(settings), revision)
    async with engine.begin() as owner:
        await tenancy.grant_tables(owner)
    await engine.dispose()


def head_revision(settings: Settings) -> str:
    head = ScriptDirectory.from_config(alembic_config(settings)).get_current_head()
    if head is None:
        raise RuntimeError("there are no migrations")
    return head
