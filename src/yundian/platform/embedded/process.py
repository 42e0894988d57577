"""Finding, remembering and ending server processes: what both embedded servers share."""

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

LOOPBACK = "127.0.0.1"


def port_is_free(port: int) -> bool:
    """Whether nobody listens on the loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port(preferred: int | None = None) -> int:
    """The preferred port if it is free, else any free one."""
    if preferred and port_is_free(preferred):
        return preferred
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
    return port


def working_in(folder: Path, *, program: str) -> list[psutil.Process]:
    """The live processes of one program whose working directory is the folder.

    Both servers change into their data folder and rewrite their command line: the folder is the sure sign.
    """
    found = []
    for process in psutil.process_iter(["name", "status"]):
        if program not in (process.info["name"] or "") or process.info["status"] == psutil.STATUS_ZOMBIE:
            continue
        with contextlib.suppress(psutil.Error, OSError):
            if Path(process.cwd()) == folder:
                found.append(process)
    return found


def is_working_in(pid: int, folder: Path, *, program: str) -> bool:
    """Whether this process id is still that program in that folder, not a stranger with its number."""
    try:
        process = psutil.Process(pid)
        return (
            program in process.name()
            and process.status() != psutil.STATUS_ZOMBIE
            and Path(process.cwd()) == folder
        )
    except (psutil.Error, OSError):
        return False


def end(processes: list[psutil.Process], *, patience_s: float) -> None:
    """SIGTERM, then SIGKILL for those that are still there after ``patience_s``."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    for process in psutil.wait_procs(processes, timeout=patience_s)[1]:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(processes, timeout=5)


def read_state(path: Path) -> dict[str, Any]:
    """The remembered ports and passwords; empty when there are none yet."""
    try:
        state: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return state


def write_private(path: Path, text: str) -> None:
    """Write a file for our eyes only, whole or not at all."""
    partial = path.with_name(path.name + ".part")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    partial.replace(path)


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Remember ports and passwords (mode 0600)."""
    write_private(path, json.dumps(state, indent=1) + "\n")


@contextlib.contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """One process at a time starts or stops the server of a folder; the lock dies with its process."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
