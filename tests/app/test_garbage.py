"""A process that runs for long does not look again and again at what it loaded once."""

import os
import subprocess
import sys
from pathlib import Path

_ASK = "from yundian.app.serve import application; import gc; application(); print(gc.get_freeze_count())"


def test_a_web_process_keeps_what_it_loaded_from_the_collector(tmp_path: Path) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    environment = {**os.environ, "YUNDIAN_ENVIRONMENT": "test", "YUNDIAN_VAR_DIR": str(tmp_path)}
    environment |= {"DATABASE_URL": nowhere, "REDIS_URL": "redis://127.0.0.1:1"}

    said = subprocess.run(
        [sys.executable, "-c", _ASK], env=environment, capture_output=True, text=True, check=True, timeout=60
    )

    assert int(said.stdout.split()[-1]) > 100_000
