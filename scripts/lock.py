"""Writes the lock files from pyproject.toml and package.json: exact, hashed, naming no host. Run by ``make lock``.

.venv/bin/python scripts/lock.py [--upgrade]
"""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
LOCKS = ROOT / "requirements"
_COMMON = (
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-annotate",
    "--custom-compile-command=make lock",
    "--quiet",
)


def main(extra: list[str]) -> None:
    """Lock Python and npm packages."""
    # One resolution for all, so that no two lock files disagree about a version.
    everything = LOCKS / "dev.txt"
    _compile(everything, ["pyproject.toml", "--group=dev", "--group=build"], extra)
    _compile(LOCKS / "app.txt", ["pyproject.toml", "--group=build", f"--constraints={everything}"], extra)
    for group in ("node", "uv"):
        _compile(LOCKS / f"{group}.txt", [f"--group={group}"], extra)
    for folder in (ROOT, ROOT / "tests" / "browser"):
        _lock_npm(folder)


def _compile(output: Path, sources: list[str], extra: list[str]) -> None:
    command = [str(BIN / "uv"), "pip", "compile", *_COMMON, *extra, *sources, "--output-file", str(output)]
    subprocess.run(command, cwd=ROOT, check=True)


def _lock_npm(folder: Path) -> None:
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), str(BIN)))
    command = ["npm", "install", "--package-lock-only", "--silent"]
    subprocess.run(command, cwd=folder, env={**os.environ, "PATH": path}, check=True)
    lock = folder / "package-lock.json"
    content = json.loads(lock.read_text())
    for package in content["packages"].values():
        package.pop("funding", None)
        package.pop("resolved", None)
    lock.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
