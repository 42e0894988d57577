"""Who may call what attribution offers."""

from tests.architecture.matrix.cells import Row

ROWS: dict[str, Row] = {}
