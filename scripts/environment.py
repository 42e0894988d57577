"""Makes the virtual environment what the lock files say. Run by make; needs nothing but Python 3.11 or newer.

    python3 scripts/environment.py app          what running needs
    python3 scripts/environment.py app dev      the tools and tests too

What was installed once stays: ``make up`` after ``make test`` does not take the test tools away again. Node and
npm are added from their Python package where the machine has none.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
STAMP = VENV / ".yundian.json"
LOCKS = ROOT / "requirements"
OLDEST = (3, 11)
_PARTS = ("app", "dev", "node")


def main(wanted: list[str]) -> None:
    """Install the wanted parts unless the stamp says that they are there already."""
    if sys.version_info < OLDEST:
        sys.exit(
            f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed; {sys.executable} is {sys.version.split()[0]}."
        )
    have = _stamp()
    parts = {*wanted, *have.get("parts", [])} | ({"node"} if _needs_node() else set())
    ordered = [part for part in _PARTS if part in parts]
    digest = _digest(ordered)
    if have.get("digest") == digest:
        return
    started = time.monotonic()
    _make_venv()
    _install(ordered)
    STAMP.write_text(json.dumps({"parts": ordered, "digest": digest}))
    _say(f"Python packages ({', '.join(ordered)}) in {time.monotonic() - started:.0f} s")


def _stamp() -> dict[str, Any]:
    try:
        stamp: dict[str, Any] = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamp


def _needs_node() -> bool:
    return not (shutil.which("node") and shutil.which("npm"))


def _digest(parts: list[str]) -> str:
    """Changes when a lock, the project's own metadata, the place or the Python changes."""
    state = hashlib.sha256(f"{sys.version} {ROOT}".encode())
    for file in (Path(__file__), ROOT / "pyproject.toml", *(LOCKS / f"{part}.txt" for part in ("uv", *parts))):
        state.update(file.read_bytes())
    return state.hexdigest()


def _make_venv() -> None:
    if _venv_works():
        return
    try:
        venv.EnvBuilder(clear=True, symlinks=True, with_pip=True).create(VENV)
    except (subprocess.CalledProcessError, OSError) as error:
        sys.exit(f"This Python cannot make a virtual environment with pip ({error}). On Debian: python3-venv.")


def _venv_works() -> bool:
    """A moved checkout brings a venv whose scripts point elsewhere; an upgraded Python leaves a dead one."""
    try:
        version = _output(BIN / "python", "-c", "import pip, sys; print(sys.prefix, sys.version)")
    except (OSError, subprocess.CalledProcessError):
        return False
    return version.strip() == f"{VENV} {sys.version}"


def _install(parts: list[str]) -> None:
    """uv installs the exact set in seconds; pip is slower and leaves extra packages, but knows every set-up."""
    locks = [str(LOCKS / f"{part}.txt") for part in parts]
    pip = [str(BIN / "python"), "-m", "pip", "--disable-pip-version-check", "-qq"]
    hashed = ["--require-hashes", "--no-compile"]
    _run(*pip, "install", *hashed, "--no-deps", "-r", str(LOCKS / "uv.txt"))
    # Like pip, uv is to trust what the machine trusts: a company's proxy has a certificate of its own.
    uv = [str(BIN / "uv"), "--quiet", "--no-config", "--system-certs", "pip"]
    into = ["--python", str(BIN / "python"), "--no-compile-bytecode"]
    # uv keeps its own packages out of the way of sync by being named in it.
    if not _try(*uv, "sync", *into, "--require-hashes", *locks, str(LOCKS / "uv.txt"), env=_index_of(pip)):
        _say("uv could not install (no way to the index?); trying pip")
        _run(*pip, "install", *hashed, *(argument for lock in locks for argument in ("-r", lock)))
    _run(*uv, "install", *into, "--offline", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))


def _index_of(pip: list[str]) -> Mapping[str, str]:
    """uv does not read pip's configuration: hand over the index that the machine's owner chose for pip."""
    if any(name in os.environ for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL")):
        return os.environ
    try:
        lines = _output(*pip, "config", "list").splitlines()
    except subprocess.CalledProcessError:
        return os.environ
    chosen = [
        line.partition("=")[2].strip("'\"") for line in lines if "index-url=" in line and "extra" not in line
    ]
    return {**os.environ, "UV_DEFAULT_INDEX": chosen[-1]} if chosen else os.environ


def _run(*command: str) -> None:
    if not _try(*command, env=os.environ):
        sys.exit(f"failed: {' '.join(command)}")


def _try(*command: str, env: Mapping[str, str]) -> bool:
    return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode == 0


def _output(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
