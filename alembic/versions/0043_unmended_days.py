"""what older code wrote of sales, without the days on which members bought, is known by a mark

Revision ID: 0043
Revises: 0042
"""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

_TABLE = "reports_unmended"

# Writers of one brand come one after the other, so nobody waits for the row. The table's owner writes no sales.
_WRITTEN = """
CREATE FUNCTION reports_fact_written() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE brand uuid := nullif(current_setting('yundian.brand', true), '')::uuid;
BEGIN
    IF brand IS NOT NULL THEN
        INSERT INTO reports_unmended (brand_id, id, created_at, revision)
        VALUES (brand, brand, now(), gen_random_uuid())
        ON CONFLICT (brand_id, id) DO UPDATE SET revision = excluded.revision;
    END IF;
    RETURN NULL;
END $$
"""
# Code that keeps the days says so for its transaction; code of a release before does not know how.
_TRIGGER = """
CREATE TRIGGER days_not_kept AFTER INSERT OR UPDATE OR DELETE ON reports_fact FOR EACH STATEMENT
WHEN (current_setting('yundian.keeps_days', true) IS DISTINCT FROM 'yes')
EXECUTE FUNCTION reports_fact_written()
"""
_MARK_ALL = f"""
INSERT INTO {_TABLE} (brand_id, id, created_at, revision)
SELECT DISTINCT brand_id, brand_id, now(), '00000000-0000-0000-0000-000000000000'::uuid FROM reports_month
"""  # noqa: S608


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        _TABLE,
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "id", name=f"pk_{_TABLE}"),
    )
    op.protect_by_brand(_TABLE)
    op.execute(_MARK_ALL)
    op.execute(_WRITTEN)
    op.execute(_TRIGGER)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP TRIGGER days_not_kept ON reports_fact")
    op.execute("DROP FUNCTION reports_fact_written()")
    op.drop_table(_TABLE)
