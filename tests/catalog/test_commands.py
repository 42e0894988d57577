import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.factories import make_brand
from yundian.brands.types import BrandView
from yundian.catalog.commands import IMPORT
from yundian.platform.core.settings import Settings

MAP = Path(__file__).parents[2] / "src/yundian/catalog/mappings/sku_list.toml"
HEADER = (
    "product_code,name,product_line,category,product_type,description,tags,status,"
    "sku_code,shade_name,shade_hex,option,barcode,position,price,currency"
)
LINES = (
    "P1,唇釉,,lips,,,,,P1-A,,,,,0,12.50,",
    "P2,口红,,lips,,,,,P2-A,,,,,0,,",
)


@pytest.fixture
def command(migrated: Settings, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Runs commands as an operator's terminal would, against this process's servers."""
    monkeypatch.setenv("DATABASE_URL", migrated.database_url)
    monkeypatch.setenv("DATABASE_OWNER_URL", migrated.database_owner_url)
    monkeypatch.setenv("REDIS_URL", migrated.redis_url)
    monkeypatch.setenv("YUNDIAN_VAR_DIR", str(migrated.var_dir))
    return CliRunner()


@pytest.fixture
def own_brand(migrated: Settings) -> BrandView:
    return asyncio.run(make_brand(migrated))


def _file(folder: Path, *lines: str) -> str:
    path = folder / "list.csv"
    path.write_text("\n".join((HEADER, *lines)) + "\n")
    return str(path)


def test_a_clean_list_ends_with_0(command: CliRunner, own_brand: BrandView, tmp_path: Path) -> None:
    arguments = ["products", _file(tmp_path, LINES[0]), "--map", str(MAP), "--brand", own_brand.code]

    result = command.invoke(IMPORT, arguments)

    assert result.exit_code == 0, result.output
    assert "list.csv" in result.stdout


def test_a_list_with_a_broken_line_ends_with_3_and_says_where(
    command: CliRunner, own_brand: BrandView, tmp_path: Path
) -> None:
    arguments = ["products", _file(tmp_path, *LINES), "--map", str(MAP), "--brand", own_brand.code, "--json"]

    result = command.invoke(IMPORT, arguments)

    assert result.exit_code == 3, result.output
    summary = json.loads(result.stdout)
    assert (summary["read"], summary["applied"], summary["quarantined"]) == (2, 1, 1)
    assert [(p["line"], p["column"], p["code"]) for p in summary["problems"]] == [
        (3, "price", "catalog.no_usable_price")
    ]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"file": "missing.csv"}, "intake.unusable_file"),
        ({"map": "missing.toml"}, "intake.bad_mapping"),
        ({"brand": "nobody"}, "brands.unknown"),
    ],
)
def test_what_cannot_be_used_at_all_ends_with_2(
    command: CliRunner, own_brand: BrandView, tmp_path: Path, change: dict[str, str], code: str
) -> None:
    given = {"file": _file(tmp_path, LINES[0]), "map": str(MAP), "brand": own_brand.code} | change
    arguments = ["products", given["file"], "--map", given["map"], "--brand", given["brand"], "--json"]

    result = command.invoke(IMPORT, arguments)

    assert result.exit_code == 2, result.output
    assert json.loads(result.stdout)["code"] == code
