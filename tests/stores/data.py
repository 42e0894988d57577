"""Where the public data sets lie, if this machine has them."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def starbucks_cn() -> Path:
    """The list of Chinese shops; skips the test, with the reason, where it is absent."""
    folder = Path(os.environ.get("YUNDIAN_SHARED_DATA") or ROOT.parent / "shared" / "data")
    file = folder / "starbucks_stores" / "directory_CN.csv"
    if not file.exists():
        pytest.skip(f"no shop list at {file}: set YUNDIAN_SHARED_DATA")
    return file
