"""Files that people bring in: kept in pieces that any worker can read, taken in by one, removed after a week."""

import asyncio
import contextlib
import hashlib
import re
import tempfile
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import structlog
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.core import clock
from yundian.platform.core.errors import DomainError, NotFound
from yundian.platform.core.ids import new_id
from yundian.platform.core.steps import step
from yundian.platform.db.database import Database, Tx
from yundian.platform.db.keys import keyring_of
from yundian.platform.files import repository
from yundian.platform.files.errors import UploadEmpty, UploadEnded, UploadGone, UploadRoomFull, UploadTooLarge
from yundian.platform.files.models import Upload, UploadState
from yundian.platform.files.types import CheckedMapping, FileKind, NewFile
from yundian.platform.intake import mapping as mappings
from yundian.platform.intake import sealing
from yundian.platform.intake.errors import BadMapping
from yundian.platform.outbox import failures, timers

log = structlog.get_logger(__name__)

MAX_FILE_BYTES = 256 * 1024 * 1024
MAX_KEPT_BYTES = 2 * 1024 * 1024 * 1024
CHUNK_BYTES = 1024 * 1024
KEEP_DAYS = 7

# A worker that died is missed after this; a living one renews its hold four times as often.
HOLD_S = 20.0
MAX_ATTEMPTS = 5

# What the pieces of files are sealed for.
FILE = "channels.upload"

_UNSAFE = re.compile(r"[^\w.()\[\] -]+")


async def keep(tx: Tx, *, kind: FileKind, new: NewFile, parts: AsyncIterator[bytes]) -> uuid.UUID:
    """Keep a file and have it taken in; the same one, while it still waits or is read, is not taken twice.

    Raises:
        UploadEmpty, UploadTooLarge, UploadRoomFull: nothing of it is kept.
        BadMapping: the mapping cannot be used.
    """
    _check(kind, new.mapping)
    upload_id = new_id()
    before = await repository.kept_bytes(tx)
    await repository.add(
        tx,
        kind=kind.name,
        upload_id=upload_id,
        scope=new.scope,
        file_name=safe_name(new.file_name),
        mapping=new.mapping,
        account_id=new.account_id,
    )
    digest, size, number, keyring = hashlib.sha256(), 0, 0, keyring_of(tx)
    async for part in parts:
        size += len(part)
        if size > MAX_FILE_BYTES:
            raise UploadTooLarge(max_bytes=MAX_FILE_BYTES)
        if before + size > MAX_KEPT_BYTES:
            raise UploadRoomFull(max_bytes=MAX_KEPT_BYTES, days=KEEP_DAYS)
        digest.update(part)
        data = keyring.encrypt_bytes(FILE, part)
        await repository.add_chunk(tx, upload_id=upload_id, number=number, data=data)
        number += 1
    if not size:
        raise UploadEmpty
    known_by = sealing.file_known_by(keyring, digest.hexdigest())
    same = await repository.find_open(
        tx, kind=kind.name, scope=new.scope, file_sha256=known_by, mapping=new.mapping
    )
    if same is not None:
        raise SameFile(same)
    await repository.measure(tx, upload_id=upload_id, file_bytes=size, file_sha256=known_by)
    await _wake(tx, kind, upload_id)
    return upload_id


class SameFile(Exception):
    """The file is here already: undo what was kept, and show that one. Never reaches a client."""

    def __init__(self, upload_id: uuid.UUID) -> None:
        super().__init__(upload_id)
        self.upload_id = upload_id


async def keep_once(
    database: Database, *, brand: uuid.UUID, kind: FileKind, new: NewFile, parts: AsyncIterator[bytes]
) -> uuid.UUID:
    """``keep`` in a transaction of its own; of the same file, still at work, the one that is here already."""
    try:
        async with database.connection(brand) as tx:
            return await keep(tx, kind=kind, new=new, parts=parts)
    except SameFile as same:
        return same.upload_id


async def try_again(tx: Tx, *, kind: FileKind, upload_id: uuid.UUID) -> None:
    """Take an ended file in once more: a run that was not finished goes on, a finished one changes nothing.

    Raises:
        UploadEnded: it is being worked on, or its bytes were removed.
    """
    if not await repository.again(tx, kind=kind.name, upload_id=upload_id):
        raise UploadEnded(upload_id=str(upload_id))
    await _wake(tx, kind, upload_id)


async def take_with(
    tx: Tx, *, kind: FileKind, upload_id: uuid.UUID, scope: str, mapping: str, account_id: uuid.UUID | None
) -> uuid.UUID:
    """The same file with another mapping or for another scope, as an upload of its own.

    Raises:
        BadMapping: the mapping cannot be used.
        UploadGone: the file's bytes were removed.
    """
    _check(kind, mapping)
    made = await repository.copy(
        tx, kind=kind.name, upload_id=upload_id, scope=scope, mapping=mapping, account_id=account_id
    )
    if made is None:
        raise UploadGone(upload_id=str(upload_id))
    await _wake(tx, kind, made)
    return made


async def get(session: AsyncSession, *, brand_id: uuid.UUID, kind: FileKind, upload_id: uuid.UUID) -> Upload:
    """One uploaded file, without its bytes; ``NotFound``."""
    found = await repository.get(session, brand_id=brand_id, kind=kind.name, upload_id=upload_id)
    if found is None:
        raise NotFound(upload_id=str(upload_id))
    return found


async def work_off(database: Database, *, kind: FileKind, brand: uuid.UUID, upload_id: uuid.UUID) -> bool:
    """Take one file in, if nobody holds it; whether it was ours. It is held for as long as this lives.

    What is wrong with file or mapping ends it as failed, with the reason; a lost database or a stop lets it go,
    and whoever goes on begins where the committed part ends.
    """
    async with database.connection(brand) as tx:
        held = await repository.take(tx, kind=kind.name, upload_id=upload_id, hold_s=HOLD_S)
    if held is None:
        return False
    step("channels.upload_held")
    if held["attempts"] > MAX_ATTEMPTS:
        await _end(database, brand, upload_id, UploadState.FAILED, code="channels.upload_given_up")
        return True
    holding = asyncio.create_task(_hold(database, brand, upload_id))
    is_over = False
    try:
        is_over = await _take_in(
            database, kind, brand, upload_id, held["scope"], held["file_name"], held["mapping"]
        )
    finally:
        holding.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await holding
        if not is_over:
            await asyncio.shield(_let_go(database, brand, upload_id))
    return True


async def remove_old(database: Database, *, brand: uuid.UUID) -> None:
    """Take the bytes of files out that ended a week ago and more."""
    async with database.connection(brand) as tx:
        while await repository.remove_old(tx, before_days=KEEP_DAYS):
            pass


def safe_name(name: str) -> str:
    """A file name without folders and oddities: it is shown, and names a file of the worker's."""
    plain = _UNSAFE.sub("_", name.replace("\\", "/").rsplit("/", 1)[-1]).strip(" .")
    return plain[-120:] or "file"


async def _take_in(
    database: Database, kind: FileKind, brand: uuid.UUID, upload_id: uuid.UUID, scope: str, name: str, text: str
) -> bool:
    """Whether the file has ended, one way or the other."""
    try:
        mapping = mappings.parse(text, file="mapping")
        with tempfile.TemporaryDirectory(prefix="yundian-upload-") as folder:
            file = Path(folder) / name
            await _spool(database, brand, upload_id, file)
            summary = await kind.take(database, brand, scope, file, mapping)
    except DomainError as error:
        if error.status >= 500:
            raise
        await _end(database, brand, upload_id, UploadState.FAILED, code=error.code, reason=told(error))
        return True
    except Exception as error:
        if failures.is_connection_lost(error):
            raise
        log.exception("channels.import_broken", upload_id=str(upload_id))
        code = "channels.import_broken"
        await _end(database, brand, upload_id, UploadState.FAILED, code=code, reason=type(error).__name__)
        return True
    await _end(database, brand, upload_id, UploadState.DONE, run_id=summary.run_id)
    return True


async def _spool(database: Database, brand: uuid.UUID, upload_id: uuid.UUID, file: Path) -> None:
    number = 0
    with file.open("wb") as stream:
        while True:
            async with database.connection(brand) as tx:
                data = await repository.chunk(tx, upload_id=upload_id, number=number)
            if data is None:
                return
            stream.write(database.keyring.decrypt_bytes(FILE, data))
            number += 1


async def _hold(database: Database, brand: uuid.UUID, upload_id: uuid.UUID) -> None:
    while True:
        await asyncio.sleep(HOLD_S / 4)
        try:
            async with database.connection(brand) as tx:
                await repository.hold(tx, upload_id=upload_id, hold_s=HOLD_S)
        except Exception as error:  # the import itself meets the same outage, and ends with it
            log.warning("channels.upload_not_held", error=type(error).__name__)


async def _let_go(database: Database, brand: uuid.UUID, upload_id: uuid.UUID) -> None:
    try:
        async with database.connection(brand) as tx:
            await repository.let_go(tx, upload_id=upload_id)
    except Exception as error:  # its hold runs out by itself
        log.warning("channels.upload_not_let_go", error=type(error).__name__)


async def _end(
    database: Database,
    brand: uuid.UUID,
    upload_id: uuid.UUID,
    state: UploadState,
    *,
    run_id: uuid.UUID | None = None,
    code: str = "",
    reason: str = "",
) -> None:
    async with database.connection(brand) as tx:
        await repository.end(tx, upload_id=upload_id, state=state, run_id=run_id, code=code, reason=reason)


def check_mapping(text: str, *, kind: FileKind) -> CheckedMapping:
    """Look at a mapping without a file."""
    try:
        mapping = _check(kind, text)
    except BadMapping as error:
        allowed = error.facts.get("allowed")
        return CheckedMapping(
            problem=str(error.facts["reason"]),
            key=str(error.facts["key"]),
            allowed=tuple(map(str, allowed)) if isinstance(allowed, list) else (),
        )
    return CheckedMapping(
        name=mapping.name, columns=tuple(sorted(mapping.columns())), fields=tuple(mapping.fields)
    )


def _check(kind: FileKind, text: str) -> mappings.Mapping:
    mapping = mappings.parse(text, file="mapping")
    mappings.check_fields(mapping, kind.record, kind=kind.name, file="mapping")
    return mapping


async def _wake(tx: Tx, kind: FileKind, upload_id: uuid.UUID) -> None:
    await timers.set_timer(tx, name=kind.timer, key=str(upload_id), due_at=clock.now())


def told(error: DomainError) -> str:
    """A refusal as one line of text: its reason, a sentence that screens translate, and its facts behind a bar."""
    facts = {key: value for key, value in error.facts.items() if value not in ("", None, [], {})}
    reason = str(facts.pop("reason", "") or error.title)
    return " | ".join([reason, *(f"{key}: {_listed(value)}" for key, value in facts.items() if key != "file")])


def _listed(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
