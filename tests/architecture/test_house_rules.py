"""The rules of the house hold everywhere, and each catches what it was written for."""

import subprocess
import sys
from pathlib import PurePosixPath

import pytest

from tests.architecture.rules.all import EXCEPTIONS, RULES, findings
from tests.architecture.rules.tree import ROOMS, ROOT, Finding, SourceFile, repository_files
from tests.conftest import LONGEST_FIRST

MIGRATION = """
import sqlalchemy as sa
from alembic import op

def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")

def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
"""
INDEX = MIGRATION.replace("timeout = '5s'\")", "timeout = '5s'\")\n    op.create_index('ix_x_at', 'x', ['at'])", 1)

# rule, path, text that breaks it, text that does not
PLANTS = (
    (
        "transactions_only_in_the_doors",
        "stores/service.py",
        "await session.commit()",
        "stock.commit(session)",
    ),
    ("transactions_only_in_the_doors", "stores/tasks.py", "async with engine.begin() as c: pass", "begin()"),
    (
        "transactions_only_in_the_doors",
        "src/yundian/app/worker.py",
        "async with conn.transaction(): pass",
        "async with database.transaction(pool, brand): pass",
    ),
    ("transactions_only_in_the_doors", "stores/repository.py", "await tx.execute('COMMIT')", "'commit to it'"),
    ("raw_sql_only_in_repositories", "stores/service.py", "sa.text('x')", "text('x')"),
    ("raw_sql_only_in_repositories", "stores/api.py", "await tx.fetch('SELECT 1')", "'Select a shop'"),
    ("raw_sql_only_in_repositories", "stores/api.py", "f'UPDATE shop SET {x}'", "f'Update {x}'"),
    ("raw_sql_only_in_repositories", "stores/tasks.py", "connection.exec_driver_sql(x)", "exec_driver_sql(x)"),
    (
        "migrations_wait_briefly_and_stand_alone",
        "alembic/versions/0099_x.py",
        MIGRATION.replace("SET LOCAL lock_timeout = '5s'", "SELECT 1", 1),
        MIGRATION,
    ),
    (
        "migrations_wait_briefly_and_stand_alone",
        "alembic/versions/0099_x.py",
        "from yundian.platform.core import clock\n" + MIGRATION,
        MIGRATION,
    ),
    (
        "migrations_wait_briefly_and_stand_alone",
        "alembic/versions/0099_x.py",
        MIGRATION.replace("def downgrade", "def back"),
        MIGRATION,
    ),
    (
        "indexes_of_tables_in_use_are_built_concurrently",
        "alembic/versions/0099_x.py",
        INDEX,
        INDEX.replace("create_index", "create_index_concurrently"),
    ),
    (
        "indexes_of_tables_in_use_are_built_concurrently",
        "alembic/versions/0099_x.py",
        INDEX,
        INDEX.replace("op.create_index", "op.create_table('x')\n    op.create_index"),
    ),
    (
        "indexes_of_tables_in_use_are_built_concurrently",
        "alembic/versions/0099_x.py",
        INDEX.replace("op.create_index('ix_x_at', 'x', ['at'])", "op.execute('CREATE UNIQUE INDEX x ON y (z)')"),
        "_NAME, _TABLE = 'ix_x', 'x'\n"
        + INDEX.replace(
            "op.create_index('ix_x_at', 'x'", "op.create_table(_TABLE)\n    op.create_index(_NAME, _TABLE"
        ),
    ),
    (
        "indexes_of_tables_in_use_are_built_concurrently",
        "alembic/versions/0099_x.py",
        INDEX.replace(
            "op.create_index('ix_x_at', 'x', ['at'])", "op.add_column('x', sa.Column('y', unique=True))"
        ),
        "_TABLE = 'x'\n" + INDEX.replace("op.create_index", "op.create_table(_TABLE)\n    op.create_index"),
    ),
    ("files_stay_short", "stores/service.py", "x = 1\n" * 401, "x = 1\n" * 399),
    ("packages_export_nothing", "stores/__init__.py", "from stores import api", ""),
    ("annotations_are_real", "stores/models.py", "from __future__ import annotations", "import annotations"),
    ("annotations_are_real", "stores/service.py", "if typing.TYPE_CHECKING: pass", "x = 1"),
    ("nothing_is_unfinished", "stores/service.py", "# TO" + "DO later", "# to do it later"),
    ("nothing_is_unfinished", "stores/ports.py", "raise NotImplementedError()", "raise NotFound()"),
    ("skips_say_why", "tests/stores/test_x.py", "pytest.skip()", "pytest.skip('no such data here')"),
    ("skips_say_why", "tests/stores/test_x.py", "@pytest.mark.skip\ndef test_x(): pass", "def test_x(): pass"),
    ("tests_wait_for_a_condition", "tests/stores/test_x.py", "asyncio.sleep(0.1)", "asyncio.sleep(0)"),
    ("time_comes_from_the_clock", "stores/service.py", "dt.datetime.now(dt.UTC)", "clock.now()"),
    ("time_comes_from_the_clock", "stores/service.py", "time.time()", "time.monotonic()"),
    ("screens_go_by_the_houses_clock", "stores/pages.py", "clock.now()", "clock.house()"),
    ("screens_write_times_in_one_way", "stores/pages.py", "dates.format_date(x)", "formats.date(x)"),
    (
        "screens_write_times_in_one_way",
        "stores/templates/stores/x.html",
        "{{ at|date(zone) }} {{ at|time(zone) }}",
        "{{ at|datetime(zone) }}",
    ),
    (
        "screens_write_times_in_one_way",
        "stores/templates/stores/x.html",
        "{{ at|date(zone, 'd/M/yy') }}",
        "{{ at|date(zone, 'full') }} <strong>{{ at|time(zone) }}</strong>",
    ),
    ("nothing_is_unpickled", "stores/service.py", "import pickle", "import msgspec"),
    ("locks_name_no_host", "requirements/app.txt", "--index-url https://x.test", "arq==0.28 --hash=sha256:0"),
    ("locks_name_no_host", "package-lock.json", '"resolved": "x"', '"funding": "https://x.test"'),
    ("nothing_names_this_machine", "docs/x.md", "cd /ro" + "ot/yundian", "cd yundian; below /root"),
)


@pytest.fixture(scope="module")
def broken() -> list[Finding]:
    return findings(repository_files())


@pytest.mark.parametrize("name", RULES)
def test_the_repository_keeps_the_rule(broken: list[Finding], name: str) -> None:
    assert [str(finding) for finding in broken if finding.rule == name] == []


@pytest.mark.parametrize(("rule", "path", "bad", "good"), PLANTS, ids=lambda value: str(value)[:40])
def test_a_planted_violation_is_caught(rule: str, path: str, bad: str, good: str) -> None:
    assert _broken(path, bad) == {rule}
    assert _broken(path, good) == set()


@pytest.mark.parametrize(
    ("rule", "bad", "good"),
    [
        ("a_room_uses_the_fixed_file_names", "stores/helpers.py", "stores/service.py"),
        ("a_room_uses_the_fixed_file_names", "stores/utils/text.py", "stores/service/stock.py"),
        ("a_room_uses_the_fixed_file_names", "src/yundian/brands/views.py", "stores/templates/stores/shops.html"),
        ("alembic_is_not_a_package", "alembic/__init__.py", "tests/__init__.py"),
    ],
)
def test_a_misplaced_file_is_caught(rule: str, bad: str, good: str) -> None:
    assert _broken(bad, "") == {rule}
    assert _broken(good, "") == set()


def test_every_rule_has_a_planted_violation() -> None:
    assert {plant[0] for plant in PLANTS} | {
        "a_room_uses_the_fixed_file_names",
        "alembic_is_not_a_package",
    } == set(RULES)


def test_the_modules_that_begin_first_are_there() -> None:
    assert [name for name in LONGEST_FIRST if not (ROOT / name).is_file()] == []


def test_every_exception_has_a_reason_and_is_still_needed() -> None:
    files = {str(file.path): file for file in repository_files()}
    for (rule, path), reason in EXCEPTIONS.items():
        assert len(reason) > 20, (rule, path)
        assert list(RULES[rule](files[path])), f"{path} keeps {rule} by now: drop its exception"


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("T201", "print('x')"),
        ("DTZ005", "import datetime as dt\nx = dt.datetime.now()"),
        ("TID251", "import uuid\nx = uuid.uuid4()"),
        ("TID252", "from . import api"),
        ("S608", "x = f'SELECT * FROM shop WHERE id = {y}'"),
        ("G004", "import logging\nlogging.getLogger().info(f'{x}')"),
        ("C901", "def f(a):\n" + "".join(f"    if a == {i}:\n        g()\n" for i in range(11))),
        ("ASYNC251", "import time\nasync def f():\n    time.sleep(1)"),
    ],
)
def test_ruff_catches_what_the_house_forbids(code: str, line: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--output-format=concise", "--stdin-filename", "stores/x.py", "-"],
        cwd=ROOT, input=f'"""Planted."""\n\n{line}\n', capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert f" {code} " in done.stdout


def _broken(path: str, text: str) -> set[str]:
    return {finding.rule for finding in findings([SourceFile(PurePosixPath(path), text)])}


def test_every_room_is_bound_by_the_rules_for_rooms() -> None:
    found = {str(file.parent.relative_to(ROOT)) for file in ROOT.glob("*/room.py")}
    found |= {str(file.parent.relative_to(ROOT)) for file in ROOT.glob("src/yundian/*/room.py")}

    assert found - {"src/yundian/platform"} <= set(ROOMS)
