"""A process that cannot start says why in one line, exits 1, and is not tried again for ever."""

import os
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests import nursery
from yundian.platform.core.settings import Settings


def _run(command: str, folder: Path, **environment: str) -> tuple[int, str]:
    """The exit code, and what it said."""
    return nursery.run(
        "yundian", command, environment={**os.environ, "YUNDIAN_VAR_DIR": str(folder), **environment}
    )


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_login_that_could_step_over_the_wall_is_refused(
    command: str, migrated: Settings, tmp_path: Path
) -> None:
    code, said = _run(command, tmp_path, DATABASE_URL=migrated.database_owner_url, REDIS_URL=migrated.redis_url)

    assert code == 1
    assert "use a plain role" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_a_wrong_password_is_said_without_the_password(command: str, migrated: Settings, tmp_path: Path) -> None:
    url = sa.make_url(migrated.database_owner_url).set(password="hush-hush")
    wrong = url.render_as_string(hide_password=False)

    code, said = _run(
        command, tmp_path, DATABASE_URL=wrong, DATABASE_OWNER_URL=wrong, REDIS_URL=migrated.redis_url
    )

    assert code == 1
    assert "No way into the database" in said
    assert "hush-hush" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("command", ["serve", "worker", "migrate"])
def test_no_address_at_all_says_what_to_do(command: str, tmp_path: Path) -> None:
    code, said = _run(command, tmp_path, DATABASE_URL="", DATABASE_OWNER_URL="", REDIS_URL="")

    assert code == 1
    assert "yundian up" in said
    assert "Traceback" not in said
