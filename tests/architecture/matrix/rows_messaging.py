"""Who may call what messaging offers."""

from tests.architecture.matrix.cells import Row

ROWS: dict[str, Row] = {}
