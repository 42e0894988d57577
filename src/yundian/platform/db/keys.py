"""The keys of the house, for whoever is given a door of the database and nothing else."""

from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.core.crypto import Keyring
from yundian.platform.db.database import Database, Tx


def keyring_of(door: AsyncSession | Tx) -> Keyring:
    """The keys that the door's ``Database`` holds."""
    database: Database | None = door.database if isinstance(door, Tx) else door.info.get("database")
    if database is None:
        raise RuntimeError("this door has no keys: it was not opened by a Database")
    return database.keyring
