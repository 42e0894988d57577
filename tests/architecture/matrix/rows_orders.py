"""Who may call what orders offers."""

from tests.architecture.matrix.cells import Row

ROWS: dict[str, Row] = {}
