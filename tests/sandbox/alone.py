"""The sandbox as a process: ``python -m tests.sandbox.alone PORT FOLDER``."""

import sys
from pathlib import Path

from yundian.sandbox.server import run

if __name__ == "__main__":
    run("127.0.0.1", int(sys.argv[1]), Path(sys.argv[2]))
