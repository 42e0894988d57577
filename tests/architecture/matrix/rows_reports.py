"""Who may call what reports offers."""

from tests.architecture.matrix.cells import Row

ROWS: dict[str, Row] = {}
