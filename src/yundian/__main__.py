"""``python -m yundian``."""

from yundian.app.cli import main

main()
