"""Settings: what a process reads from its environment, and the master key it makes for itself."""

import base64
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from yundian.platform.core.settings import Environment, Settings


def test_servers_have_plain_names_and_the_rest_a_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u@db/x")
    monkeypatch.setenv("REDIS_URL", "redis://r/0")
    monkeypatch.setenv("YUNDIAN_WEB_WORKERS", "3")

    settings = Settings(_env_file=None)  # type: ignore[call-arg]

    assert (settings.database_url, settings.redis_url) == ("postgresql://u@db/x", "redis://r/0")
    assert settings.web_workers == 3


def test_a_master_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    settings = Settings(var_dir=tmp_path)
    key = settings.master_key_bytes()
    path = tmp_path / "keys/master"

    assert len(key) == 32
    assert Settings(var_dir=tmp_path).master_key_bytes() == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_uid == os.geteuid()


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    code = "from yundian.platform.core.settings import Settings; print(Settings().master_key_bytes().hex())"
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, "YUNDIAN_VAR_DIR": str(tmp_path)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    keys = {start.communicate(timeout=60)[0] for start in starts}

    assert len(keys) == 1
    assert [file.name for file in (tmp_path / "keys").iterdir()] == ["master"]


def test_production_makes_no_master_key_of_its_own(tmp_path: Path) -> None:
    settings = Settings(var_dir=tmp_path, environment=Environment.PRODUCTION)

    with pytest.raises(RuntimeError, match="YUNDIAN_MASTER_KEY"):
        settings.master_key_bytes()
    assert list(tmp_path.iterdir()) == []


def test_a_given_master_key_is_used_and_never_shown(tmp_path: Path) -> None:
    given = base64.b64encode(bytes(32)).decode()
    settings = Settings(var_dir=tmp_path, master_key=SecretStr(given))

    assert settings.master_key_bytes() == bytes(32)
    assert given not in repr(settings)
