"""Who may call what groupbuy offers."""

from tests.architecture.matrix.cells import Row

ROWS: dict[str, Row] = {}
