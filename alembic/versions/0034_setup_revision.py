"""each change of what can be booked gives the brand another revision

Revision ID: 0034
Revises: 0033
"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_TABLE = "appointments_setup_revision"
_SOURCES = (
    "appointments_service",
    "appointments_staff",
    "appointments_staff_shop",
    "appointments_skill",
    "appointments_plan_span",
    "appointments_resource",
)

# Deferred: the row is locked for the length of a commit and never before another lock, so that two who change
# set-ups cannot wait for each other. Once in a transaction is enough, which nobody sees a part of.
_CHANGED = """
CREATE FUNCTION appointments_setup_changed() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO appointments_setup_revision AS r (brand_id, id, created_at, revision, changed_in)
    VALUES (coalesce(NEW.brand_id, OLD.brand_id), coalesce(NEW.brand_id, OLD.brand_id), now(), gen_random_uuid(),
        pg_current_xact_id()::text::bigint)
    ON CONFLICT (brand_id, id) DO UPDATE SET revision = excluded.revision, changed_in = excluded.changed_in
    WHERE r.changed_in <> excluded.changed_in;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        _TABLE,
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.Uuid(), nullable=False),
        sa.Column("changed_in", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "id", name=f"pk_{_TABLE}"),
    )
    op.protect_by_brand(_TABLE)
    op.execute(_CHANGED)
    for source in _SOURCES:
        op.execute(
            f"CREATE CONSTRAINT TRIGGER setup_changed AFTER INSERT OR UPDATE OR DELETE ON {source}"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION appointments_setup_changed()"
        )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for source in _SOURCES:
        op.execute(f"DROP TRIGGER setup_changed ON {source}")
    op.execute("DROP FUNCTION appointments_setup_changed()")
    op.drop_table(_TABLE)
