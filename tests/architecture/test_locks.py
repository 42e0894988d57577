"""The lock files are what pyproject.toml and package.json ask for: exact, hashed, one version of everything."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
NPM = [ROOT / "package.json", ROOT / "tests/browser/package.json"]


def _pins(path: Path) -> dict[str, set[Version]]:
    """Each package with its version, or its versions on different platforms."""
    pins: dict[str, set[Version]] = {}
    for name, version, _ in _entries(path):
        pins.setdefault(name, set()).add(version)
    return pins


def _entries(path: Path) -> Iterator[tuple[str, Version, int]]:
    """Name, version and number of hashes of each entry."""
    for entry in re.split(r"\n(?=[^\s#])", path.read_text()):
        found = re.match(r"([\w.-]+)==([^\s;\\]+)", entry)
        if found:
            yield canonicalize_name(found[1]), Version(found[2]), entry.count("--hash=sha256:")


def _asked(*, groups: tuple[str, ...]) -> Iterator[Requirement]:
    yield from map(Requirement, PROJECT["project"]["dependencies"])
    for group in groups:
        yield from map(Requirement, PROJECT["dependency-groups"][group])


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_package_is_pinned_with_its_hashes(path: Path) -> None:
    lines = [line for line in path.read_text().splitlines() if re.match(r"[\w-]", line)]
    entries = list(_entries(path))

    assert len(entries) == len(lines) > 0
    assert [name for name, _, hashes in entries if hashes == 0] == []


@pytest.mark.parametrize(("lock", "groups"), [("app.txt", ("build",)), ("dev.txt", ("build", "dev"))])
def test_what_the_project_asks_for_is_locked(lock: str, groups: tuple[str, ...]) -> None:
    pins = _pins(ROOT / "requirements" / lock)
    missing = [
        str(asked)
        for asked in _asked(groups=groups)
        if not any(map(asked.specifier.contains, pins.get(canonicalize_name(asked.name), ())))
    ]

    assert missing == [], "run make lock"


def test_no_two_locks_disagree_about_a_version() -> None:
    app, dev = _pins(ROOT / "requirements/app.txt"), _pins(ROOT / "requirements/dev.txt")

    assert {name: versions for name, versions in app.items() if not versions <= dev.get(name, set())} == {}


@pytest.mark.parametrize("path", NPM, ids=lambda path: str(path.parent.relative_to(ROOT)))
def test_npm_packages_are_exact_and_locked(path: Path) -> None:
    wanted = json.loads(path.read_text())
    asked = {**wanted.get("dependencies", {}), **wanted.get("devDependencies", {})}
    lock = json.loads(path.with_name("package-lock.json").read_text())["packages"]

    assert [version for version in asked.values() if not re.fullmatch(r"\d[\w.-]*", version)] == []
    assert {name: lock.get(f"node_modules/{name}", {}).get("version") for name in asked} == asked
    assert [name for name, package in lock.items() if name and not package.get("integrity")] == []
