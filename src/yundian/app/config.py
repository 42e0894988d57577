"""Settings for the commands: the environment first, then what a running ``yundian up`` left for others."""

import os
from pathlib import Path
from typing import Any

from yundian.platform.core.settings import Settings
from yundian.platform.embedded.process import write_private

# Grandchildren inherit it too: a supervisor killed with -9 leaves no list, but its successor finds them all.
SUPERVISED = "YUNDIAN_SUPERVISED_IN"


def var_dir() -> Path:
    """The folder for everything this installation keeps outside its databases."""
    return Path(os.environ.get("YUNDIAN_VAR_DIR", "var")).absolute()


def embedded_env(folder: Path) -> Path:
    """Where a running ``yundian up`` says how its servers are reached (mode 0600)."""
    return folder / "embedded.env"


def load_settings(**overrides: Any) -> Settings:
    """Settings of a command that joins whatever runs."""
    folder = var_dir()
    return _settings(env_file=embedded_env(folder), var_dir=folder, **overrides)


def own_settings(**overrides: Any) -> Settings:
    """Settings of ``yundian up`` itself, which must not mistake its predecessor's servers for the operator's."""
    return _settings(env_file=None, var_dir=var_dir(), **overrides)


def _settings(*, env_file: Path | None, **values: Any) -> Settings:
    options: dict[str, Any] = {"_env_file": env_file, **values}
    return Settings(**options)


def as_environment(settings: Settings) -> dict[str, str]:
    """The variables that make another process see the same addresses."""
    return {
        "DATABASE_URL": settings.database_url,
        "DATABASE_OWNER_URL": settings.database_owner_url,
        "REDIS_URL": settings.redis_url,
        "YUNDIAN_VAR_DIR": str(settings.var_dir.absolute()),
        "YUNDIAN_HOST": settings.host,
        "YUNDIAN_PORT": str(settings.port),
        "YUNDIAN_WECHAT_URL": settings.wechat_url,
        "YUNDIAN_SMS_URL": settings.sms_url,
        "YUNDIAN_SMS_KEY": settings.sms_key.get_secret_value() if settings.sms_key else "",
    }


def share_figures() -> None:
    """Let all processes of this installation count in one place; before ``platform.core.figures`` is loaded."""
    os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(var_dir() / "figures"))


def publish(settings: Settings) -> None:
    """Let the commands in other terminals find these servers."""
    lines = [f"{name}='{value}'\n" for name, value in as_environment(settings).items() if value]
    write_private(embedded_env(settings.var_dir), "".join(lines))


def withdraw(settings: Settings) -> None:
    """The servers are gone; nobody should try them."""
    embedded_env(settings.var_dir).unlink(missing_ok=True)


def local_host(settings: Settings) -> str:
    """The address under which this machine itself reaches the web server."""
    return "127.0.0.1" if settings.host in {"0.0.0.0", "::", ""} else settings.host  # noqa: S104
