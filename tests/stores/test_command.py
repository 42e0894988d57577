"""``yundian import shops`` as an operator runs it: exit codes, reports, and a death in the middle."""

import csv
import io
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import anyio
import msgspec
import pytest
from typer.testing import CliRunner, Result

from stores.commands import IMPORT
from stores.service.imports import MAPPINGS
from tests import nursery
from tests.stores.data import ROOT
from tests.stores.test_import import COLUMNS, file_of, line, rows
from yundian.brands.types import BrandView
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

DEMO = str(MAPPINGS / "demo.toml")


def environment_of(services: Services) -> dict[str, str]:
    settings = services.settings
    return {
        "COLUMNS": "200",
        "DATABASE_URL": settings.database_url,
        "DATABASE_OWNER_URL": settings.database_owner_url,
        "REDIS_URL": settings.redis_url,
        "YUNDIAN_VAR_DIR": str(settings.var_dir),
    }


def run(services: Services, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """In a process of its own, as an operator does."""
    return subprocess.run(
        [sys.executable, "-m", "yundian", "import", "shops", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment_of(services), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def called(services: Services, *arguments: str) -> Result:
    """The same command in this process, in a thread since it runs a loop of its own."""
    command = partial(CliRunner().invoke, IMPORT, ["shops", *arguments], env=environment_of(services))
    return await anyio.to_thread.run_sync(command)


async def test_the_exit_code_tells_how_it_went(services: Services, brand: BrandView, tmp_path: Path) -> None:
    good = str(file_of(tmp_path, line("A"), name="good.csv"))
    mixed = str(file_of(tmp_path, line("A"), line("B", latitude="north"), line("C"), name="mixed.csv"))
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("a,b\n1,2\n")
    bad_map = tmp_path / "bad.toml"
    bad_map.write_text('kind = "stores.shops"\nname = "m"\n[fields.code]\ncolumm = "x"\n')

    everything = run(services, good, "--map", DEMO, "--brand", brand.code)
    some = await called(services, mixed, "--map", DEMO, "--brand", brand.code)
    nothing = await called(services, str(wrong), "--map", DEMO, "--brand", brand.code)
    unmapped = await called(services, good, "--map", str(bad_map), "--brand", brand.code)
    unknown = await called(services, good, "--map", DEMO, "--brand", "nobody")

    assert everything.returncode == 0, everything.stderr
    assert some.exit_code == 3, some.stderr
    for part in ("mixed.csv", "3", "latitude", "intake.not_a_number", "'north' is not a number"):
        assert part in some.stdout
    assert (nothing.exit_code, "latitude" in nothing.stderr) == (2, True)
    assert (unmapped.exit_code, "fields.code.columm" in unmapped.stderr) == (2, True)
    assert (unknown.exit_code, "brands.unknown" in unknown.stderr) == (2, True)
    assert [row[0] for row in await rows(services, brand, "SELECT code FROM stores_shop ORDER BY code")] == [
        "A",
        "C",
    ]


async def test_machines_get_json(services: Services, brand: BrandView, tmp_path: Path) -> None:
    file = str(file_of(tmp_path, line("A"), "x"))

    done = await called(services, file, "--map", DEMO, "--brand", brand.code, "--json")
    refused = await called(services, file, "--map", "absent.toml", "--brand", brand.code, "--json")

    summary = msgspec.json.decode(done.stdout)
    assert (summary["read"], summary["applied"], summary["quarantined"]) == (2, 1, 1)
    assert summary["problems"][0]["line"] == 3
    assert msgspec.json.decode(refused.stdout)["code"] == "intake.bad_mapping"


@pytest.mark.faults
@pytest.mark.parametrize("label", ["intake.batch_applied:2", "intake.batch_committed:2", "outbox.recorded"])
async def test_an_import_that_was_killed_goes_on_and_is_the_same_in_the_end(
    services: Services, brand: BrandView, tmp_path: Path, label: str
) -> None:
    out = io.StringIO()
    writer = csv.writer(out)
    for number in range(2_500):
        values = {"code": f"S{number:04d}", "name": "店", "latitude": "north" if number == 1_700 else "31.2"}
        values |= {"longitude": "121.4", "datum": "wgs84"}
        writer.writerow([values.get(column, "") for column in COLUMNS.split(",")])
    file = str(file_of(tmp_path, out.getvalue().replace("\r\n", "\n").rstrip("\n")))
    arguments = (file, "--map", DEMO, "--brand", brand.code, "--json")

    environment = {"PATH": os.environ["PATH"], **environment_of(services), "YUNDIAN_TEST_DIE_AT": label}
    killed, _ = nursery.run("yundian", "import", "shops", *arguments, environment=environment)
    resumed = await called(services, *arguments)

    assert killed == -signal.SIGKILL
    assert resumed.exit_code == 3, resumed.stderr
    summary = msgspec.json.decode(resumed.stdout)
    assert summary["is_resumed"] is True
    assert (summary["read"], summary["applied"], summary["quarantined"]) == (2_500, 2_499, 1)
    assert await rows(services, brand, "SELECT count(*), max(version) FROM stores_shop") == [(2_499, 1)]
    told = "SELECT count(*) FROM outbox_event WHERE tag = 'stores.shop_added.v1'"
    assert await rows(services, brand, told) == [(2_499,)]
    assert await rows(services, brand, "SELECT state, records_read FROM intake_run") == [("finished", 2_500)]
