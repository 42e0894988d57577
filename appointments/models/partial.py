"""What the tables share."""

import sqlalchemy as sa


def some(name: str, columns: str, where: str, *, unique: bool = False) -> sa.Index:
    """An index of the rows of which ``where`` holds."""
    return sa.Index(name, "brand_id", *columns.split(), unique=unique, postgresql_where=sa.text(where))
