"""Who may call what channels offers."""

from tests.architecture.matrix.cells import Row

ROWS: dict[str, Row] = {}
