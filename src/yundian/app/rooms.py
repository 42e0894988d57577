"""The list of rooms, bottom to top: the one place that knows them all."""

import importlib

from yundian.platform.room import Room

# Lowest first: a room may use those above its own line in this list, never those below.
_ROOM_PACKAGES = (
    "yundian.platform.db",
    "yundian.platform.outbox",
    "yundian.platform.web",
    "yundian.platform.auth",
    "yundian.platform.intake",
    "yundian.brands",
    "yundian.catalog",
    "stores",
    "yundian.members",
    "yundian.payments",
    "yundian.attribution",
    "yundian.messaging",
    "yundian.orders",
    "yundian.reports",
    "groupbuy",
    "appointments",
)

_MODEL_MODULES = (
    "yundian.platform.db.directory",
    *(f"{package}.models" for package in _ROOM_PACKAGES if package != "yundian.platform.db"),
)


def import_models() -> None:
    """Load every table into the metadata (for migrations and for the walking test)."""
    for module in _MODEL_MODULES:
        importlib.import_module(module)


def rooms() -> tuple[Room, ...]:
    """Every room that contributes something, bottom to top."""
    found = (_room_of(package) for package in _ROOM_PACKAGES)
    return tuple(room for room in found if room is not None)


def _room_of(package: str) -> Room | None:
    try:
        module = importlib.import_module(f"{package}.room")
    except ModuleNotFoundError as error:
        if error.name != f"{package}.room":
            raise
        return None
    return module.ROOM  # type: ignore[no-any-return]
