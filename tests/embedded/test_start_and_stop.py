"""The embedded servers come up whatever state they were left in, and keep what they were told."""

import contextlib
import os
import shutil
import signal
import socket
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import psutil
import pytest
import redis

from yundian.platform.embedded import process
from yundian.platform.embedded.account import server_account
from yundian.platform.embedded.postgres import EmbeddedPostgres
from yundian.platform.embedded.valkey import EmbeddedValkey

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def cluster(scratch: Path) -> Iterator[EmbeddedPostgres]:
    """A cluster that these tests may kill."""
    server = EmbeddedPostgres(scratch / "victim")
    yield server
    server.destroy()


@pytest.fixture
def postgres(cluster: EmbeddedPostgres) -> EmbeddedPostgres:
    cluster.start()
    return cluster


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(tmp_path / "valkey")
    server.start()
    yield server
    server.destroy()


async def _ask(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


def _kill(*pids: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _postgres_pids(server: EmbeddedPostgres) -> list[int]:
    assert server.postmaster_pid is not None
    parent = psutil.Process(server.postmaster_pid)
    return [parent.pid, *(child.pid for child in parent.children(recursive=True))]


async def test_the_application_role_is_plain_and_does_not_own_the_database(postgres: EmbeddedPostgres) -> None:
    powers = "rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb"
    plain = f"SELECT NOT ({powers}) FROM pg_roles WHERE rolname = current_user"
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
    assert await _ask(postgres.app_url, plain) is True
    assert await _ask(postgres.app_url, owner) == "yundian_owner"
    assert await _ask(postgres.owner_url, "SELECT current_user") == "yundian_owner"


async def test_a_wrong_password_is_refused(postgres: EmbeddedPostgres) -> None:
    url = postgres.app_url.replace(postgres.app_url.split(":")[2].split("@")[0], "guess")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(url)


async def test_commits_are_durable_and_statements_are_counted(postgres: EmbeddedPostgres) -> None:
    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        assert await _ask(postgres.app_url, f"SHOW {name}") == "on"
    assert await _ask(postgres.owner_url, "SELECT count(*) > 0 FROM pg_stat_statements") is True


async def test_what_was_committed_survives_kill_9_of_every_process(postgres: EmbeddedPostgres) -> None:
    await _ask(postgres.owner_url, "CREATE TABLE kept (n int)")
    await _ask(postgres.owner_url, "INSERT INTO kept VALUES (7)")
    url = postgres.owner_url
    _kill(*_postgres_pids(postgres))
    postgres.start()
    assert postgres.owner_url == url
    assert await _ask(url, "SELECT n FROM kept") == 7


async def test_it_starts_again_when_only_the_postmaster_was_killed(postgres: EmbeddedPostgres) -> None:
    assert postgres.postmaster_pid is not None
    _kill(postgres.postmaster_pid)
    assert await _ask(postgres.start(), "SELECT 1") == 1


async def test_a_stale_lock_file_with_a_strangers_number_does_not_stop_it(postgres: EmbeddedPostgres) -> None:
    pid_file = postgres._pgdata / "postmaster.pid"
    text = pid_file.read_text()
    postgres.stop()
    pid_file.write_text(text.replace(text.split("\n", 1)[0], str(os.getpid()), 1))
    assert not postgres.is_running()
    assert await _ask(postgres.start(), "SELECT 1") == 1


async def test_another_handle_takes_the_running_server_over(postgres: EmbeddedPostgres) -> None:
    again = EmbeddedPostgres(postgres.data_dir)
    assert again.start() == postgres.app_url
    assert again.postmaster_pid == postgres.postmaster_pid
    again.stop()
    assert not postgres.is_running()


async def test_eight_starts_at_once_give_one_server(postgres: EmbeddedPostgres) -> None:
    postgres.stop()
    with ThreadPoolExecutor(8) as threads:
        urls = set(threads.map(lambda _: EmbeddedPostgres(postgres.data_dir).start(), range(8)))
    assert urls == {postgres.app_url}
    assert await _ask(postgres.app_url, "SELECT 1") == 1


async def test_a_taken_port_is_left_to_its_new_owner(postgres: EmbeddedPostgres) -> None:
    port = int(postgres.app_url.rsplit(":", 1)[1].split("/")[0])
    postgres.stop()
    with socket.create_server((process.LOOPBACK, port)):
        assert await _ask(postgres.start(), "SELECT 1") == 1
        assert f":{port}/" not in postgres.app_url


async def test_tests_get_databases_of_their_own(postgres: EmbeddedPostgres) -> None:
    urls = postgres.create_database("one_of_many")
    assert await _ask(urls.app, "SELECT current_database()") == "one_of_many"
    copy = postgres.create_database("copy_of_one", template="one_of_many")
    assert await _ask(copy.owner, "SELECT count(*) > 0 FROM pg_stat_statements") is True
    postgres.drop_database("copy_of_one")
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(copy.app)
    with pytest.raises(ValueError, match="plain database name"):
        postgres.create_database("no; DROP")


def test_stopping_twice_or_before_the_first_start_is_no_error(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    postgres.stop()
    postgres.stop()
    EmbeddedPostgres(tmp_path / "never").stop()
    EmbeddedValkey(tmp_path / "never").stop()


def test_passwords_are_for_our_eyes_only(postgres: EmbeddedPostgres, valkey: EmbeddedValkey) -> None:
    private = [
        postgres.data_dir / "postgres.json",
        valkey.data_dir / "valkey.json",
        valkey.data_dir / "valkey.conf",
    ]
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}
    password = valkey.url.split(":")[2].split("@")[0]
    assert valkey.pid is not None
    assert not any(password in argument for argument in psutil.Process(valkey.pid).cmdline())


@pytest.mark.skipif(server_account() is None, reason="only root cannot simply stay who it is")
async def test_below_a_closed_folder_root_keeps_it_closed(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedPostgres(closed / "deep" / "data")
    try:
        assert await _ask(server.start(), "SELECT 1") == 1
        home = server.log_path.parent
    finally:
        server.destroy()
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert not home.exists()


@pytest.mark.skipif(server_account() is None, reason="only root keeps clusters outside their folder")
def test_the_cluster_of_a_deleted_checkout_is_swept_away(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    deleted, other = EmbeddedPostgres(closed / "deleted"), EmbeddedPostgres(closed / "other")
    deleted.start()
    home, pid = deleted.log_path.parent, deleted.postmaster_pid
    shutil.rmtree(deleted.data_dir)
    other.start()
    other.destroy()
    assert pid is not None
    assert not home.exists()
    assert not process.is_working_in(pid, home / "pgdata", program="postgres")


def test_valkey_keeps_what_it_was_told_through_kill_9(valkey: EmbeddedValkey) -> None:
    with redis.Redis.from_url(valkey.url) as client:
        client.set("kept", "7")
        client.execute_command("WAITAOF", 1, 0, 5000)
    assert valkey.pid is not None
    _kill(valkey.pid)
    url = valkey.start()
    with redis.Redis.from_url(url) as client:
        assert client.get("kept") == b"7"
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
        assert client.config_get("appendfsync")["appendfsync"] == "everysec"


def test_valkey_refuses_callers_without_the_password(valkey: EmbeddedValkey) -> None:
    port = int(valkey.url.rsplit(":", 1)[1].split("/")[0])
    with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()


def test_valkey_whose_number_was_lost_is_replaced_not_doubled(valkey: EmbeddedValkey) -> None:
    lost = valkey.pid
    assert lost is not None
    state = process.read_state(valkey.data_dir / "valkey.json")
    process.write_state(valkey.data_dir / "valkey.json", {**state, "pid": os.getpid()})
    again = EmbeddedValkey(valkey.data_dir)
    again.start()
    assert again.pid not in {None, lost, os.getpid()}
    assert [found.pid for found in process.working_in(valkey.data_dir.resolve(), program="valkey")] == [again.pid]
    again.stop()
