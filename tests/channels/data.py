"""Where the public files of orders lie, if this machine has them."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def shared(*parts: str) -> Path:
    """A public data file; skips the test, with the reason, where it is absent."""
    folder = Path(os.environ.get("YUNDIAN_SHARED_DATA") or ROOT.parent / "shared" / "data")
    file = folder.joinpath(*parts)
    if not file.exists():
        pytest.skip(f"no data at {file}: set YUNDIAN_SHARED_DATA")
    return file


def uci() -> Path:
    return shared("uci_online_retail", "online_retail.csv.gz")


def tmall() -> Path:
    return shared("tmall_orders_2020_02", "tmall_order_report.csv")
