import asyncio
import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from yundian.brands import api
from yundian.brands.commands import BRAND
from yundian.brands.types import BrandView
from yundian.platform.auth.resolve import principal_of_token
from yundian.platform.auth.sign_in import sign_in
from yundian.platform.auth.types import Client
from yundian.platform.core.ids import readable_code
from yundian.platform.core.principal import Grant, Role
from yundian.platform.core.settings import Settings
from yundian.platform.db.services import open_services

CLIENT = Client(ip="127.0.0.1", user_agent="tests")


@pytest.fixture
def command(migrated: Settings, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Runs commands as an operator's terminal would, against this process's servers."""
    monkeypatch.setenv("DATABASE_URL", migrated.database_url)
    monkeypatch.setenv("DATABASE_OWNER_URL", migrated.database_owner_url)
    monkeypatch.setenv("REDIS_URL", migrated.redis_url)
    monkeypatch.setenv("YUNDIAN_VAR_DIR", str(migrated.var_dir))
    return CliRunner()


def _create(command: CliRunner, code: str, login: str, *, name: str = "Some brand") -> Result:
    return command.invoke(BRAND, ["create", code, "--name", name, "--admin", login])


def _code() -> str:
    return f"c-{readable_code(10).lower()}"


def test_a_new_brand_has_an_admin_whose_one_time_password_works(command: CliRunner, migrated: Settings) -> None:
    code = _code()

    result = _create(command, code, f"admin-{code}")

    assert result.exit_code == 0, result.output
    password = re.search(r"One-time password: (\S+)", result.output)
    assert password is not None

    async def check() -> tuple[BrandView, frozenset[Grant], bool]:
        async with open_services(migrated) as services:
            signed_in = await sign_in(
                services.database,
                keyring=services.keyring,
                login=f"admin-{code}",
                password=password[1],
                code=None,
                client=CLIENT,
            )
            async with services.database.unit_of_work(None) as session:
                brand = await api.find_brand(session, code=code)
            principal = await principal_of_token(
                services.database, keyring=services.keyring, token=signed_in.token
            )
            return brand, principal.grants, signed_in.must_change_password

    brand, grants, must_change = asyncio.run(check())
    assert (brand.name, grants, must_change) == ("Some brand", frozenset({Grant(Role.HQ_ADMIN)}), True)


def test_a_code_that_is_taken_is_refused_and_changes_nothing(command: CliRunner) -> None:
    code = _code()
    _create(command, code, f"admin-{code}")

    again = _create(command, code, f"other-{code}", name="Another name")

    assert again.exit_code == 2
    assert "brands.code_taken" in again.stderr
    listed = json.loads(command.invoke(BRAND, ["list", "--json"]).stdout)
    assert [brand["name"] for brand in listed if brand["code"] == code] == ["Some brand"]


def test_a_login_that_is_taken_leaves_no_brand_behind(command: CliRunner) -> None:
    first, second = _code(), _code()
    _create(command, first, f"admin-{first}")

    refused = _create(command, second, f"admin-{first}")

    assert refused.exit_code == 2
    assert "auth.login_taken" in refused.stderr
    assert second not in command.invoke(BRAND, ["list"]).stdout


@pytest.mark.parametrize("code", ["A B", "1st", "x", "a" * 33, "品牌"])
def test_a_code_that_is_no_code_is_refused(command: CliRunner, code: str) -> None:
    refused = _create(command, code, f"admin-{_code()}")

    assert refused.exit_code == 2
    assert "core.invalid_input" in refused.stderr


def test_without_a_database_the_command_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "DATABASE_OWNER_URL"):
        monkeypatch.delenv(name, raising=False)

    result = CliRunner().invoke(BRAND, ["list"])

    assert result.exit_code == 2
    assert "yundian up" in result.stderr
