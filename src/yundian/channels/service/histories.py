"""What was received before under some keys."""

from collections.abc import Collection

from yundian.channels.repository import inbox
from yundian.channels.rules import Head, History, Key, version_key
from yundian.channels.types import DocumentKind
from yundian.platform.db.database import Tx


async def histories_of(tx: Tx, *, keys: Collection[Key]) -> dict[Key, History]:
    """One for each key, empty where nothing was. One statement."""
    found = {key: History() for key in keys}
    for row in await inbox.seen(tx, keys=keys) if keys else []:
        history = found[(row[0], row[1], row[2])]
        _, _, _, document_id, content_hash, version, updated_at, kind, is_current, subject_id, member_id = row
        version = version_key(version, updated_at)
        history.hashes.add(content_hash)
        history.name(version, member_id)
        if is_current:
            history.head = Head(document_id, version, DocumentKind(kind), subject_id)
    return found
