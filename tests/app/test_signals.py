"""A signal may arrive at any instruction of the supervisor; it always stops it."""

import os
import random
import signal
import threading
from pathlib import Path

import pytest
from rich.console import Console

from yundian.app import up
from yundian.platform.core.settings import Settings


def test_a_signal_at_any_moment_of_waiting_stops_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up, "_PAUSE_S", 0.0)
    moments = random.Random(7)
    before = signal.getsignal(signal.SIGUSR1)
    try:
        for _ in range(300):
            house = up.House(Settings(var_dir=tmp_path), console=Console(quiet=True), show_logs=False)
            signal.signal(signal.SIGUSR1, lambda *_, house=house: house.ask_to_stop())
            sender = threading.Timer(moments.uniform(0, 0.003), os.kill, args=(os.getpid(), signal.SIGUSR1))
            sender.start()
            house.supervise()
            sender.join()
    finally:
        signal.signal(signal.SIGUSR1, before)
