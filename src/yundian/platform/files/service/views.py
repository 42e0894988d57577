"""Files as people see them: what was uploaded, and every run, whoever started it."""

import hashlib
import uuid
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.core.errors import NotFound
from yundian.platform.files import repository
from yundian.platform.files.models import Upload, UploadState
from yundian.platform.files.types import FileKind
from yundian.platform.intake import quarantine
from yundian.platform.intake.models import ImportRun, Quarantined, RunState

SHOWN = 30
PROBLEMS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class FileView:
    """An uploaded file, a run, or both: a file that waits has no run, a command's run no upload."""

    kind: FileKind
    upload: Upload | None
    run: ImportRun | None

    @property
    def file_name(self) -> str:
        return self.upload.file_name if self.upload is not None else self._run.file_name

    @property
    def scope(self) -> str:
        return self.upload.scope if self.upload is not None else self._run.scope

    @property
    def started_at(self) -> object:
        return self.upload.created_at if self.upload is not None else self._run.created_at

    @property
    def standing(self) -> str:
        """``waiting``, ``running``, ``finished``, ``failed`` or ``interrupted``."""
        if self.upload is None:
            return self._run.state.value
        return {
            UploadState.WAITING: "waiting",
            UploadState.RUNNING: "running",
            UploadState.FAILED: "failed",
            UploadState.DONE: "finished",
        }[self.upload.state]

    @property
    def is_live(self) -> bool:
        return self.standing in ("waiting", "running") and (
            self.upload is not None or self._run.state is RunState.RUNNING
        )

    @property
    def share(self) -> float:
        """How much of it is done, 0 to 1."""
        if self.standing == "finished":
            return 1.0
        return self.run.share if self.run is not None else 0.0

    @property
    def url(self) -> str:
        if self.upload is not None:
            return f"{self.kind.path}/imports/{self.upload.id}"
        return f"{self.kind.path}/runs/{self._run.id}"

    @property
    def _run(self) -> ImportRun:
        if self.run is None:
            raise NotFound
        return self.run


async def list_files(session: AsyncSession, *, kind: FileKind, brand_id: uuid.UUID) -> list[FileView]:
    """The newest uploads and runs together, each once."""
    kept = await repository.list_uploads(session, brand_id=brand_id, kind=kind.name, limit=SHOWN)
    runs = (await quarantine.list_runs(session, brand_id=brand_id, kind=kind.name, limit=SHOWN)).items
    by_id = {run.id: run for run in runs}
    by_file = {(run.file_sha256, run.mapping_sha256, run.scope): run for run in reversed(runs)}
    files: list[FileView] = []
    for upload in kept:
        run = by_id.get(upload.run_id) if upload.run_id else by_file.get(_key(upload))
        files.append(FileView(kind, upload, run))
    told = {view.run.id for view in files if view.run is not None}
    files += [FileView(kind, None, run) for run in runs if run.id not in told]
    return sorted(files, key=_started, reverse=True)[:SHOWN]


async def of_upload(
    session: AsyncSession, *, kind: FileKind, brand_id: uuid.UUID, upload_id: uuid.UUID
) -> FileView:
    """An uploaded file with its run, as soon as there is one; ``NotFound``."""
    upload = await repository.get(session, brand_id=brand_id, kind=kind.name, upload_id=upload_id)
    if upload is None:
        raise NotFound(upload_id=str(upload_id))
    if upload.run_id is not None:
        run = await repository.get_run(session, brand_id=brand_id, kind=kind.name, run_id=upload.run_id)
        return FileView(kind, upload, run)
    file_sha256, mapping_sha256, scope = _key(upload)
    run = await repository.run_of_file(
        session,
        brand_id=brand_id,
        kind=kind.name,
        scope=scope,
        file_sha256=file_sha256,
        mapping_sha256=mapping_sha256,
    )
    return FileView(kind, upload, run)


async def of_run(session: AsyncSession, *, kind: FileKind, brand_id: uuid.UUID, run_id: uuid.UUID) -> FileView:
    """A run that somebody started, by command or by upload; ``NotFound``."""
    run = await repository.get_run(session, brand_id=brand_id, kind=kind.name, run_id=run_id)
    if run is None:
        raise NotFound(run_id=str(run_id))
    return FileView(kind, await repository.of_run(session, brand_id=brand_id, kind=kind.name, run_id=run_id), run)


async def problems_of(
    session: AsyncSession, *, kind: FileKind, brand_id: uuid.UUID, run_id: uuid.UUID
) -> list[Quarantined]:
    """The newest records of a run that wait in quarantine."""
    found = await quarantine.list_quarantine(
        session, brand_id=brand_id, kind=kind.name, run_id=run_id, limit=PROBLEMS_SHOWN
    )
    return list(found.items)


def _key(upload: Upload) -> tuple[str, str, str]:
    return upload.file_sha256, hashlib.sha256(upload.mapping.encode()).hexdigest(), upload.scope


def _started(view: FileView) -> str:
    return str(view.started_at)
