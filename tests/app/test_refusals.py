"""A process that cannot start says why in one line, exits 1, and is not tried again for ever."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from yundian.platform.core.settings import Settings


def _run(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "yundian", command],
        env={**os.environ, "YUNDIAN_VAR_DIR": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_login_that_could_step_over_the_wall_is_refused(
    command: str, migrated: Settings, tmp_path: Path
) -> None:
    done = _run(command, tmp_path, DATABASE_URL=migrated.database_owner_url, REDIS_URL=migrated.redis_url)

    assert done.returncode == 1
    assert "use a plain role" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_a_wrong_password_is_said_without_the_password(command: str, migrated: Settings, tmp_path: Path) -> None:
    url = sa.make_url(migrated.database_owner_url).set(password="hush-hush")
    wrong = url.render_as_string(hide_password=False)

    done = _run(command, tmp_path, DATABASE_URL=wrong, DATABASE_OWNER_URL=wrong, REDIS_URL=migrated.redis_url)

    assert done.returncode == 1
    assert "No way into the database" in done.stderr
    assert "hush-hush" not in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["serve", "worker", "migrate"])
def test_no_address_at_all_says_what_to_do(command: str, tmp_path: Path) -> None:
    done = _run(command, tmp_path, DATABASE_URL="", DATABASE_OWNER_URL="", REDIS_URL="")

    assert done.returncode == 1
    assert "yundian up" in done.stderr
    assert "Traceback" not in done.stderr
