"""Files of orders as people see them: what was uploaded, and every run, whoever started it."""

import hashlib
import uuid
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.channels.models import Upload, UploadState
from yundian.channels.repository import held, uploads
from yundian.channels.service.importing import KIND
from yundian.platform.core.errors import NotFound
from yundian.platform.intake.models import ImportRun, Quarantined, QuarantineState, RunState

SHOWN = 30
PROBLEMS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class FileView:
    """An uploaded file, a run, or both: a file that waits has no run, a command's run no upload."""

    upload: Upload | None
    run: ImportRun | None

    @property
    def file_name(self) -> str:
        return self.upload.file_name if self.upload is not None else self._run.file_name

    @property
    def channel(self) -> str:
        return self.upload.channel if self.upload is not None else self._run.scope

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
            return f"/hq/channels/imports/{self.upload.id}"
        return f"/hq/channels/runs/{self._run.id}"

    @property
    def _run(self) -> ImportRun:
        if self.run is None:
            raise NotFound
        return self.run


async def list_files(session: AsyncSession, *, brand_id: uuid.UUID) -> list[FileView]:
    """The newest uploads and runs together, each once."""
    kept = await uploads.list_uploads(session, brand_id=brand_id, limit=SHOWN)
    runs = await held.list_runs(session, brand_id=brand_id, kind=KIND, limit=SHOWN)
    by_id = {run.id: run for run in runs}
    by_file = {(run.file_sha256, run.mapping_sha256, run.scope): run for run in reversed(runs)}
    files: list[FileView] = []
    for upload in kept:
        run = by_id.get(upload.run_id) if upload.run_id else by_file.get(_key(upload))
        files.append(FileView(upload, run))
    told = {view.run.id for view in files if view.run is not None}
    files += [FileView(None, run) for run in runs if run.id not in told]
    return sorted(files, key=_started, reverse=True)[:SHOWN]


async def of_upload(session: AsyncSession, *, brand_id: uuid.UUID, upload_id: uuid.UUID) -> FileView:
    """An uploaded file with its run, as soon as there is one; ``NotFound``."""
    upload = await uploads.get(session, brand_id=brand_id, upload_id=upload_id)
    if upload is None:
        raise NotFound(upload_id=str(upload_id))
    if upload.run_id is not None:
        return FileView(upload, await held.get_run(session, brand_id=brand_id, kind=KIND, run_id=upload.run_id))
    file_sha256, mapping_sha256, channel = _key(upload)
    run = await held.run_of_file(
        session,
        brand_id=brand_id,
        kind=KIND,
        channel=channel,
        file_sha256=file_sha256,
        mapping_sha256=mapping_sha256,
    )
    return FileView(upload, run)


async def of_run(session: AsyncSession, *, brand_id: uuid.UUID, run_id: uuid.UUID) -> FileView:
    """A run that somebody started, by command or by upload; ``NotFound``."""
    run = await held.get_run(session, brand_id=brand_id, kind=KIND, run_id=run_id)
    if run is None:
        raise NotFound(run_id=str(run_id))
    return FileView(None, run)


async def problems_of(session: AsyncSession, *, brand_id: uuid.UUID, run_id: uuid.UUID) -> list[Quarantined]:
    """The newest records of a run that wait in quarantine."""
    wanted = held.HeldFilter((KIND,), QuarantineState.OPEN, run_id=run_id)
    rows = await held.list_held(session, brand_id=brand_id, wanted=wanted, limit=PROBLEMS_SHOWN)
    return [row.held for row in rows]


def _key(upload: Upload) -> tuple[str, str, str]:
    return upload.file_sha256, hashlib.sha256(upload.mapping.encode()).hexdigest(), upload.channel


def _started(view: FileView) -> str:
    return str(view.started_at)
