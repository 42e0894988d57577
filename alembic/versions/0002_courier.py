"""outbox events, deliveries, timers

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = ("outbox_event", "outbox_delivery", "outbox_timer")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "outbox_event",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("tag", sa.String(80), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column("trace_parent", sa.String(55), nullable=True),
        sa.Column("expanded_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("brand_id", "id", name="pk_outbox_event"),
    )
    op.create_index(
        "ix_outbox_event_fresh",
        "outbox_event",
        ["brand_id", "id"],
        postgresql_where=sa.text("expanded_at IS NULL"),
    )
    op.create_table(
        "outbox_delivery",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("subscriber", sa.String(80), nullable=False),
        sa.Column("state", sa.String(16), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_error", sa.String(300), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("brand_id", "event_id", "subscriber", name="pk_outbox_delivery"),
        sa.CheckConstraint("state IN ('pending', 'done', 'parked')", name="ck_outbox_delivery_state"),
    )
    op.create_index(
        "ix_outbox_delivery_due",
        "outbox_delivery",
        ["brand_id", "next_at"],
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_outbox_delivery_parked",
        "outbox_delivery",
        ["brand_id", "event_id", "subscriber"],
        postgresql_where=sa.text("state = 'parked'"),
    )
    op.create_table(
        "outbox_timer",
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.Column("state", sa.String(16), server_default="set", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_error", sa.String(300), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("brand_id", "id", name="pk_outbox_timer"),
        sa.UniqueConstraint("brand_id", "name", "key", name="uq_outbox_timer_brand_id_name_key"),
        sa.CheckConstraint("state IN ('set', 'done', 'cancelled', 'parked')", name="ck_outbox_timer_state"),
    )
    op.create_index(
        "ix_outbox_timer_due", "outbox_timer", ["brand_id", "next_at"], postgresql_where=sa.text("state = 'set'")
    )
    op.create_index(
        "ix_outbox_timer_parked", "outbox_timer", ["brand_id", "id"], postgresql_where=sa.text("state = 'parked'")
    )
    for table in TABLES:
        op.protect_by_brand(table)
        op.open_to_relay(table)
        # Queue tables die fast: the partial indexes stay small only if vacuum keeps up.
        op.execute(
            f"ALTER TABLE {table} SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0)"
        )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in reversed(TABLES):
        op.drop_table(table)
