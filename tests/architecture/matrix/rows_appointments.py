"""Who may call what appointments offers."""

from tests.architecture.matrix.cells import Row

ROWS: dict[str, Row] = {}
