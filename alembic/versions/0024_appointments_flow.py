"""appointments: from looking to buying, groups that buy a session, bookings from elsewhere

Revision ID: 0024
Revises: 0023
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_BOOKING = "appointments_booking"
_SESSION = "appointments_session"
_NEW_COLUMNS = (
    "cutoff_min", "grace_min", "is_late_cancel_charged", "is_no_show_charged", "channel", "asked_at", "confirmed_at",
    "is_day_only", "external_source", "external_id", "external_client",
)  # fmt: skip
# It was confirmed once.
_STOOD = (
    "'confirmed', 'arrived', 'in_service', 'completed', 'no_show', 'no_show_penalized', 'waived', 'cancelled_late'"
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _extend_booking()
    op.add_column(_SESSION, sa.Column("is_private", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.drop_index("uq_appointments_session_open", _SESSION)
    _index_sessions("is_open AND NOT is_private")
    op.add_column("groupbuy_campaign", sa.Column("opens_with", sa.String(32), nullable=False, server_default=""))
    for table, create in _TABLES.items():
        create(table)
        # Last: see 0006.
        op.create_primary_key(f"pk_{table}", table, ["brand_id", "id"])
        op.protect_by_brand(table)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in reversed(list(_TABLES)):
        op.drop_table(table)
    op.drop_column("groupbuy_campaign", "opens_with")
    op.drop_index("uq_appointments_session_open", _SESSION)
    _index_sessions("is_open")
    op.drop_column(_SESSION, "is_private")
    op.drop_index("uq_appointments_booking_external", _BOOKING)
    op.drop_index("ix_appointments_booking_asked", _BOOKING)
    op.drop_index("ix_appointments_booking_arrived", _BOOKING)
    for name in _NEW_COLUMNS:
        op.drop_column(_BOOKING, name)


def _extend_booking() -> None:
    """The terms a customer booked under are hers; what stands was booked under those of its service."""
    for column in (
        sa.Column("cutoff_min", sa.Integer(), nullable=False, server_default="120"),
        sa.Column("grace_min", sa.Integer(), nullable=False, server_default="15"),
        sa.Column("is_late_cancel_charged", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("is_no_show_charged", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("channel", sa.String(20), nullable=False, server_default=""),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_day_only", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("external_source", sa.String(64), nullable=False, server_default=""),
        sa.Column("external_id", sa.String(160), nullable=True),
        sa.Column("external_client", sa.String(80), nullable=False, server_default=""),
    ):
        op.add_column(_BOOKING, column)
    op.execute(
        "UPDATE appointments_booking b SET cutoff_min = s.cutoff_min, grace_min = s.grace_min,"  # noqa: S608
        " is_late_cancel_charged = s.is_late_cancel_charged, is_no_show_charged = s.is_no_show_charged,"
        f" asked_at = b.created_at, confirmed_at = CASE WHEN b.state IN ({_STOOD}) THEN b.created_at END"
        " FROM appointments_service s WHERE s.brand_id = b.brand_id AND s.id = b.service_id"
        f" AND b.state IN ({_STOOD}, 'held', 'requested', 'expired', 'declined', 'rescheduled', 'cancelled')"
    )
    _index(
        _BOOKING,
        "uq_appointments_booking_external",
        "external_source external_id",
        unique=True,
        where="external_id IS NOT NULL",
    )
    _index(_BOOKING, "ix_appointments_booking_asked", "asked_at", where="state <> 'rescheduled'")
    _index(_BOOKING, "ix_appointments_booking_arrived", "member_id arrived_at", where="arrived_at IS NOT NULL")


def _index_sessions(where: str) -> None:
    _index(_SESSION, "uq_appointments_session_open", "shop_id service_id starts_at", unique=True, where=where)


def _create_viewing(table: str) -> None:
    op.create_table(
        table,
        *_row(),
        *_columns(sa.Date(), "day"),
        *_columns(sa.LargeBinary(), "visitor"),
        *_columns(sa.String(20), "channel"),
        *_columns(sa.Uuid(), "shop_id service_id"),
        *_columns(sa.Uuid(), "staff_id", nullable=True),
    )
    op.create_index(
        "uq_appointments_viewing_once",
        table,
        ["brand_id", "day", "shop_id", "service_id", "visitor", "staff_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )


def _create_tried(table: str) -> None:
    op.create_table(
        table,
        *_row(),
        *_columns(sa.String(120), "note"),
        *_columns(sa.Uuid(), "booking_id sku_id"),
        *_columns(sa.Uuid(), "noted_by", nullable=True),
        _reference(table, "booking_id", _BOOKING),
        _reference(table, "sku_id", "catalog_sku"),
        sa.UniqueConstraint("brand_id", "booking_id", "sku_id", name=f"uq_{table}_brand_id_booking_id_sku_id"),
    )
    _index(table, f"ix_{table}_brand_id_sku_id", "sku_id")


def _create_purchase(table: str) -> None:
    op.create_table(
        table,
        *_row(),
        *_columns(sa.BigInteger(), "amount_minor refunded_minor"),
        *_columns(sa.CHAR(3), "currency"),
        *_columns(sa.DateTime(timezone=True), "bought_at"),
        *_columns(sa.Integer(), "tried_lines"),
        *_columns(sa.Uuid(), "booking_id order_id member_id shop_id staff_id"),
        sa.CheckConstraint("amount_minor >= 0 AND refunded_minor >= 0", name=f"ck_{table}_money"),
        _reference(table, "booking_id", _BOOKING),
        _reference(table, "order_id", "orders_order"),
        sa.UniqueConstraint("brand_id", "order_id", name=f"uq_{table}_brand_id_order_id"),
    )
    _index(table, f"ix_{table}_brand_id_booking_id", "booking_id")
    _index(table, f"ix_{table}_brand_id_bought_at", "bought_at")


def _create_policy(table: str) -> None:
    op.create_table(
        table,
        *_row(),
        *_columns(sa.Integer(), "number purchase_days"),
        *_columns(sa.Uuid(), "actor_id", nullable=True),
        sa.CheckConstraint("purchase_days BETWEEN 1 AND 365", name=f"ck_{table}_purchase_days"),
        sa.UniqueConstraint("brand_id", "number", name=f"uq_{table}_brand_id_number"),
    )


def _create_group_offer(table: str) -> None:
    op.create_table(
        table,
        *_row(),
        *_columns(sa.Uuid(), "campaign_id service_id"),
        _reference(table, "campaign_id", "groupbuy_campaign"),
        _reference(table, "service_id", "appointments_service"),
        sa.UniqueConstraint("brand_id", "campaign_id", name=f"uq_{table}_brand_id_campaign_id"),
    )
    _index(table, f"ix_{table}_brand_id_service_id", "service_id")


def _create_party(table: str) -> None:
    op.create_table(
        table,
        *_row(),
        *_columns(sa.DateTime(timezone=True), "ended_at", nullable=True),
        *_columns(sa.String(32), "state"),
        *_columns(sa.Uuid(), "group_id campaign_id session_id shop_id service_id"),
        _reference(table, "group_id", "groupbuy_group"),
        _reference(table, "campaign_id", "groupbuy_campaign"),
        _reference(table, "session_id", _SESSION),
        _reference(table, "shop_id", "stores_shop"),
        _reference(table, "service_id", "appointments_service"),
        sa.UniqueConstraint("brand_id", "group_id", name=f"uq_{table}_brand_id_group_id"),
    )
    _index(table, f"ix_{table}_brand_id_session_id", "session_id")
    _index(table, f"ix_{table}_brand_id_shop_id_state", "shop_id state")


def _row() -> list[sa.Column]:
    return [
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _columns(kind: sa.types.TypeEngine, names: str, *, nullable: bool = False) -> list[sa.Column]:
    return [sa.Column(name, kind, nullable=nullable) for name in names.split()]


def _index(table: str, name: str, columns: str, *, where: str = "", unique: bool = False) -> None:
    op.create_index(
        name,
        table,
        ["brand_id", *columns.split()],
        unique=unique,
        postgresql_where=sa.text(where) if where else None,
    )


def _reference(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["brand_id", column], [f"{target}.brand_id", f"{target}.id"], name=f"fk_{table}_brand_id_{column}"
    )


_TABLES = {
    "appointments_viewing": _create_viewing,
    "appointments_tried": _create_tried,
    "appointments_purchase": _create_purchase,
    "appointments_policy": _create_policy,
    "appointments_group_offer": _create_group_offer,
    "appointments_party": _create_party,
}
