"""Every import contract holds, and catches the violation it was written for."""

import configparser
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = ("src", "stores", "groupbuy", "wishlist", "appointments")


@dataclass(frozen=True)
class Plant:
    """A module that breaks one contract; ``extra`` modules are what it needs to exist."""

    contract: str
    path: str
    line: str
    extra: tuple[tuple[str, str], ...] = ()


# An empty package where there is none yet.
SANDBOX = (("src/yundian/sandbox/__init__.py", ""), ("src/yundian/sandbox/planted.py", ""))

PLANTS = (
    Plant("layers", "src/yundian/platform/core/planted.py", "from yundian.platform.db import base"),
    Plant("layers", "src/yundian/platform/web/planted.py", "from yundian.platform.jobs import declare"),
    Plant("layers", "src/yundian/platform/intake/planted.py", "from yundian.platform.outbox import declare"),
    Plant("layers", "src/yundian/brands/planted.py", "import stores.planted", (("stores/planted.py", ""),)),
    Plant("layers", "wishlist/tasks.py", "import groupbuy.api", (("groupbuy/api.py", ""),)),
    Plant("room_layers", "wishlist/models.py", "import wishlist.service", (("wishlist/service.py", ""),)),
    Plant("room_layers", "wishlist/pages.py", "import wishlist.routes", (("wishlist/routes.py", ""),)),
    Plant("room_layers", "wishlist/helpers.py", ""),
    Plant(
        "platform_room_layers",
        "src/yundian/platform/intake/models.py",
        "import yundian.platform.intake.tasks",
        (("src/yundian/platform/intake/tasks.py", ""),),
    ),
    Plant("private_brands", "stores/pages.py", "import yundian.brands.repository"),
    Plant(
        "private_catalog",
        "stores/tasks.py",
        "import yundian.catalog.rules",
        (("src/yundian/catalog/rules.py", ""),),
    ),
    Plant(
        "private_payments",
        "appointments/ports.py",
        "import yundian.payments.adapters.providers",
    ),
    Plant("private_members", "appointments/ports.py", "import yundian.members.repository"),
    Plant("private_attribution", "appointments/ports.py", "import yundian.attribution.models"),
    Plant("private_messaging", "appointments/ports.py", "import yundian.messaging.models"),
    Plant("private_orders", "appointments/ports.py", "import yundian.orders.models"),
    Plant("private_reports", "appointments/ports.py", "import yundian.reports.models"),
    Plant("private_channels", "appointments/ports.py", "import yundian.channels.models"),
    Plant("private_stores", "wishlist/handlers.py", "import stores.models"),
    Plant("private_groupbuy", "appointments/ports.py", "import groupbuy.ports", (("groupbuy/ports.py", ""),)),
    Plant("private_wishlist", "appointments/ports.py", "import wishlist.room", (("wishlist/room.py", ""),)),
    Plant(
        "private_appointments",
        "groupbuy/ports.py",
        "import appointments.service",
        (("appointments/service.py", ""),),
    ),
    Plant("private_auth", "groupbuy/ports.py", "import yundian.platform.auth.models"),
    Plant("events", "groupbuy/ports.py", "import stores.events", (("stores/events.py", ""),)),
    Plant("frameworks", "wishlist/rules.py", "import litestar"),
    # Through a room's own api: one step away is still reached.
    Plant("frameworks", "wishlist/rules.py", "import groupbuy.api", (("groupbuy/api.py", "import arq"),)),
    Plant("arq", "wishlist/tasks.py", "import arq"),
    Plant("pure_core", "src/yundian/platform/core/planted.py", "import sqlalchemy"),
    Plant(
        "embedded_imports_core_only",
        "src/yundian/platform/embedded/planted.py",
        "from yundian.platform.db import base",
    ),
    Plant(
        "platform_rooms",
        "src/yundian/platform/intake/api.py",
        "import yundian.platform.intake.room",
        (("src/yundian/platform/intake/room.py", ""),),
    ),
    Plant(
        "sandbox_imports_core_only",
        "src/yundian/sandbox/planted.py",
        "from yundian.platform.db import base",
        (("src/yundian/sandbox/__init__.py", ""),),
    ),
    Plant("sandbox_for_app_only", "src/yundian/brands/rules.py", "import yundian.sandbox.planted", SANDBOX),
    Plant("embedded_for_app_only", "src/yundian/brands/rules.py", "import yundian.platform.embedded.postgres"),
)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code as it stands, to plant violations in."""
    folder = tmp_path_factory.mktemp("copy")
    for name in CODE:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "static"))
    shutil.copy(ROOT / ".importlinter", folder)
    return folder


def _names() -> dict[str, str]:
    """Contract id to the name that a report shows."""
    config = configparser.ConfigParser()
    config.read(ROOT / ".importlinter")
    prefix = "importlinter:contract:"
    return {s.removeprefix(prefix): config[s]["name"] for s in config.sections() if s.startswith(prefix)}


def _lint(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": f"{folder / 'src'}:{folder}", "COLUMNS": "300"}
    program = Path(sys.executable).parent / "lint-imports"
    return subprocess.run(
        [program, "--no-logo", "--cache-dir", folder / "cache", *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_code_keeps_every_contract(copy: Path) -> None:
    done = _lint(copy)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: f"{plant.contract}: {plant.path}: {plant.line}")
def test_a_planted_violation_is_caught_by_its_contract(copy: Path, plant: Plant) -> None:
    planted = {plant.path: plant.line, **dict(plant.extra)}
    before = {path: (copy / path).read_text() if (copy / path).exists() else None for path in planted}
    try:
        for path, line in planted.items():
            (copy / path).parent.mkdir(exist_ok=True)
            (copy / path).write_text((before[path] or "") + f"\n{line}\n")
        done = _lint(copy, "--contract", plant.contract)
    finally:
        for path, text in before.items():
            if text is None:
                (copy / path).unlink()
            else:
                (copy / path).write_text(text)

    assert done.returncode == 1, done.stdout + done.stderr
    assert f"{_names()[plant.contract]} BROKEN" in " ".join(done.stdout.split()), done.stdout


def test_every_contract_has_a_planted_violation() -> None:
    assert {plant.contract for plant in PLANTS} == set(_names())


def test_every_package_has_its_place_in_the_contracts() -> None:
    """A package that nobody placed would be bound by no layer."""
    config = configparser.ConfigParser()
    config.read(ROOT / ".importlinter")
    layers = config["importlinter:contract:layers"]["layers"].replace("(", " ").replace(")", " ")
    placed = {word for word in layers.split() if word != "|"}

    found = {f"yundian.{name}" for name in _packages(ROOT / "src/yundian") if name not in ("platform", "__main__")}
    found |= {f"yundian.platform.{name}" for name in _packages(ROOT / "src/yundian/platform")}
    found |= {name for name in CODE if name != "src"}

    # The embedded servers and the sandbox stand beside the layers, under contracts of their own.
    assert found - {"yundian.platform.embedded", "yundian.sandbox"} <= placed


def test_every_room_keeps_its_files_private() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / ".importlinter")
    rooms = set(config["importlinter:contract:room_layers"]["containers"].split())
    found = {
        f"yundian.{name}"
        for name in _packages(ROOT / "src/yundian")
        if name not in ("app", "platform", "__main__")
    }
    found |= {name for name in CODE if name != "src"}

    assert rooms == found - {"yundian.sandbox"}
    for room in rooms:
        section = config[f"importlinter:contract:private_{room.rsplit('.', 1)[-1]}"]
        assert section["protected_modules"].split() == [f"{room}.*"]
        assert section["allowed_importers"].split() == [room, "yundian.app"]
        public = {line.removeprefix(f"** -> {room}.") for line in section["ignore_imports"].strip().splitlines()}
        public -= {line for line in public if line.startswith("#")}
        assert public == {"api", "types", "errors", "events"}


def _packages(folder: Path) -> set[str]:
    modules = {path.stem for path in folder.glob("*.py") if path.stem != "__init__"}
    return modules | {path.parent.name for path in folder.glob("*/__init__.py")}
