"""Two houses that start on one machine at once never take the same port."""

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from rich.console import Console

from yundian.app import up
from yundian.platform.core.settings import Settings
from yundian.platform.embedded.process import LOOPBACK, free_port


def _house(folder: Path) -> up.House:
    return up.House(Settings(var_dir=folder), console=Console(quiet=True), show_logs=False)


def test_houses_that_start_at_once_all_get_ports_of_their_own(tmp_path: Path) -> None:
    wanted, houses = free_port(), [_house(tmp_path) for _ in range(8)]
    with ThreadPoolExecutor(len(houses)) as pool:
        webs = list(pool.map(lambda house: house.keep_port(wanted), houses))
        sandboxes = list(pool.map(lambda house: house.keep_port(wanted), houses))
    try:
        assert len({*webs, *sandboxes}) == 2 * len(houses)
    finally:
        for house in houses:
            house.stop()


def test_a_kept_port_is_its_servers_until_the_house_stops(tmp_path: Path) -> None:
    first, second = _house(tmp_path), _house(tmp_path)
    port = first.keep_port(free_port())
    with pytest.raises(up.CannotStart, match=f"Port {port} is taken"):
        second.keep_port(port, fixed_by="--port")

    for _ in range(2):
        with socket.socket() as server:
            # As granian does; it may die and be started again.
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            server.bind((LOOPBACK, port))
            server.listen()
            for _ in range(20):
                with socket.create_connection((LOOPBACK, port)), server.accept()[0]:
                    pass

    first.stop()
    assert second.keep_port(port, fixed_by="--port") == port
    second.stop()


def test_a_port_on_which_somebody_listens_is_passed_over(tmp_path: Path) -> None:
    house = _house(tmp_path)
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        assert house.keep_port(port) > port
    house.stop()
