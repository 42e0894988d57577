"""services, plans, bookings: the database forbids overlap

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ExcludeConstraint

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # Trusted: whoever may create in the database may add it. It lets one constraint compare ids and times.
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    for table, create in _TABLES.items():
        create(table)
        # Last: see 0006.
        op.create_primary_key(f"pk_{table}", table, ["brand_id", "id"])
        op.protect_by_brand(table)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    # The extension stays: others may use it by then.
    for table in reversed(list(_TABLES)):
        op.drop_table(table)


def _create_service(table: str) -> None:
    op.create_table(
        table,
        *_editable(),
        *_columns(sa.BigInteger(), "price_minor deposit_minor no_show_deposit_minor"),
        *_columns(sa.Boolean(), "needs_approval is_late_cancel_charged is_no_show_charged"),
        *_columns(sa.CHAR(3), "currency"),
        *_columns(
            sa.Integer(),
            "duration_min buffer_before_min buffer_after_min step_min seats notice_min horizon_days cutoff_min hold_min grace_min no_show_limit offer_min",
        ),
        *_columns(sa.String(32), "status chair_kind wait_mode"),
        *_columns(sa.String(40), "code category"),
        *_columns(sa.String(400), "description"),
        *_columns(sa.String(80), "name"),
        _check(table, "after", "buffer_after_min BETWEEN 0 AND 240 AND buffer_after_min % 5 = 0"),
        _check(table, "before", "buffer_before_min BETWEEN 0 AND 240 AND buffer_before_min % 5 = 0"),
        _check(table, "duration", "duration_min BETWEEN 5 AND 720 AND duration_min % 5 = 0"),
        _check(table, "horizon", "horizon_days BETWEEN 1 AND 365"),
        _check(table, "money", "price_minor >= 0 AND deposit_minor >= 0 AND no_show_deposit_minor >= 0"),
        _check(table, "named", "code <> '' AND name <> ''"),
        _check(
            table,
            "policies",
            "notice_min >= 0 AND cutoff_min >= 0 AND grace_min >= 0 AND hold_min BETWEEN 1 AND 120 AND offer_min BETWEEN 1 AND 1440 AND no_show_limit >= 0",
        ),
        _check(table, "seats", "seats BETWEEN 1 AND 100"),
        _check(table, "step", "step_min BETWEEN 5 AND 720 AND step_min % 5 = 0"),
        sa.UniqueConstraint("brand_id", "code", name="uq_appointments_service_brand_id_code"),
    )


def _create_staff(table: str) -> None:
    op.create_table(
        table,
        *_editable(),
        *_columns(sa.Integer(), "daily_cap feed_version"),
        *_columns(sa.String(32), "status"),
        *_columns(sa.String(60), "display_name title"),
        *_columns(sa.Uuid(), "home_shop_id"),
        *_columns(sa.Uuid(), "account_id", nullable=True),
        _check(table, "daily_cap", "daily_cap >= 0"),
        _check(table, "named", "display_name <> ''"),
        _reference(table, "account_id", "auth_account"),
        _reference(table, "home_shop_id", "stores_shop"),
    )
    _index(table, "ix_appointments_staff_brand_id_account_id", "account_id")
    _index(table, "ix_appointments_staff_brand_id_home_shop_id", "home_shop_id")


def _create_staff_shop(table: str) -> None:
    op.create_table(
        table,
        *_row(),
        *_columns(sa.Uuid(), "staff_id shop_id"),
        _reference(table, "shop_id", "stores_shop"),
        _reference(table, "staff_id", "appointments_staff"),
        sa.UniqueConstraint(
            "brand_id", "staff_id", "shop_id", name="uq_appointments_staff_shop_brand_id_staff_id_shop_id"
        ),
    )
    _index(table, "ix_appointments_staff_shop_brand_id_shop_id", "shop_id")


def _create_skill(table: str) -> None:
    op.create_table(
        table,
        *_row(),
        *_columns(sa.Uuid(), "staff_id service_id"),
        _reference(table, "service_id", "appointments_service"),
        _reference(table, "staff_id", "appointments_staff"),
        sa.UniqueConstraint(
            "brand_id", "staff_id", "service_id", name="uq_appointments_skill_brand_id_staff_id_service_id"
        ),
    )
    _index(table, "ix_appointments_skill_brand_id_service_id", "service_id")


def _create_plan_span(table: str) -> None:
    op.create_table(
        table,
        *_row(),
        *_columns(sa.SmallInteger(), "weekday starts ends"),
        *_columns(sa.String(32), "kind"),
        *_columns(sa.Uuid(), "staff_id shop_id"),
        _check(table, "span", "starts BETWEEN 0 AND 1439 AND ends > starts AND ends <= starts + 1440"),
        _check(table, "weekday", "weekday BETWEEN 1 AND 7"),
        _reference(table, "shop_id", "stores_shop"),
        _reference(table, "staff_id", "appointments_staff"),
        sa.UniqueConstraint(
            "brand_id",
            "staff_id",
            "weekday",
            "kind",
            "starts",
            name="uq_appointments_plan_span_brand_id_staff_id_weekday_kind_starts",
        ),
    )


def _create_staff_day(table: str) -> None:
    op.create_table(
        table,
        *_row(),
        *_columns(sa.Date(), "day"),
        *_columns(sa.SmallInteger(), "starts ends", nullable=True),
        *_columns(sa.String(120), "reason"),
        *_columns(sa.String(32), "kind"),
        *_columns(sa.Uuid(), "staff_id"),
        *_columns(sa.Uuid(), "shop_id", nullable=True),
        _check(table, "both_ends", "(starts IS NULL) = (ends IS NULL)"),
        _check(table, "kind", "(kind = 'off') = (starts IS NULL) AND (kind = 'work') = (shop_id IS NOT NULL)"),
        _check(table, "span", "starts BETWEEN 0 AND 1439 AND ends > starts AND ends <= starts + 1440"),
        _reference(table, "shop_id", "stores_shop"),
        _reference(table, "staff_id", "appointments_staff"),
    )
    _index(table, "ix_appointments_staff_day_brand_id_staff_id_day", "staff_id day")
    _index(table, "uq_appointments_staff_day_off", "staff_id day", unique=True, where="kind = 'off'")


def _create_resource(table: str) -> None:
    op.create_table(
        table,
        *_editable(),
        *_columns(sa.String(32), "kind status"),
        *_columns(sa.String(40), "name"),
        *_columns(sa.Uuid(), "shop_id"),
        _check(table, "named", "name <> '' AND kind <> ''"),
        _reference(table, "shop_id", "stores_shop"),
        sa.UniqueConstraint("brand_id", "shop_id", "name", name="uq_appointments_resource_brand_id_shop_id_name"),
    )
    _index(table, "ix_appointments_resource_brand_id_shop_id_kind", "shop_id kind")


def _create_shop_rule(table: str) -> None:
    op.create_table(
        table,
        *_editable(),
        *_columns(sa.String(32), "holidays workdays"),
        *_columns(sa.Uuid(), "shop_id"),
        _reference(table, "shop_id", "stores_shop"),
        sa.UniqueConstraint("brand_id", "shop_id", name="uq_appointments_shop_rule_brand_id_shop_id"),
    )


def _create_shop_day(table: str) -> None:
    op.create_table(
        table,
        *_row(),
        *_columns(sa.Date(), "day"),
        *_columns(sa.SmallInteger(), "opens closes", nullable=True),
        *_columns(sa.String(120), "reason"),
        *_columns(sa.Uuid(), "shop_id"),
        _check(table, "both_ends", "(opens IS NULL) = (closes IS NULL)"),
        _check(table, "span", "opens BETWEEN 0 AND 1439 AND closes > opens AND closes <= opens + 1440"),
        _reference(table, "shop_id", "stores_shop"),
        sa.UniqueConstraint("brand_id", "shop_id", "day", name="uq_appointments_shop_day_brand_id_shop_id_day"),
    )


def _create_session(table: str) -> None:
    op.create_table(
        table,
        *_row(),
        *_columns(sa.Boolean(), "is_open"),
        *_columns(sa.DateTime(timezone=True), "starts_at ends_at"),
        *_columns(sa.Integer(), "seats taken"),
        *_columns(sa.Uuid(), "shop_id service_id staff_id"),
        *_columns(sa.Uuid(), "resource_id", nullable=True),
        _check(table, "taken_in_range", "taken BETWEEN 0 AND seats"),
        _reference(table, "resource_id", "appointments_resource"),
        _reference(table, "service_id", "appointments_service"),
        _reference(table, "shop_id", "stores_shop"),
        _reference(table, "staff_id", "appointments_staff"),
    )
    _index(table, "uq_appointments_session_open", "shop_id service_id starts_at", unique=True, where="is_open")


def _create_booking(table: str) -> None:
    op.create_table(
        table,
        *_row(),
        *_columns(sa.BigInteger(), "price_minor deposit_minor"),
        *_columns(sa.Boolean(), "is_any_staff"),
        *_columns(sa.CHAR(3), "currency"),
        *_columns(sa.Date(), "local_day"),
        *_columns(sa.DateTime(timezone=True), "starts_at ends_at"),
        *_columns(sa.DateTime(timezone=True), "expires_at arrived_at started_at ended_at", nullable=True),
        *_columns(sa.Integer(), "buffer_before_min buffer_after_min sequence"),
        *_columns(sa.String(16), "code"),
        *_columns(sa.String(200), "reason"),
        *_columns(sa.String(32), "state deposit_state source attention"),
        *_columns(sa.String(40), "time_zone"),
        *_columns(sa.String(80), "service_name"),
        *_columns(sa.String(80), "request_key", nullable=True),
        *_columns(sa.Uuid(), "shop_id service_id staff_id"),
        *_columns(sa.Uuid(), "resource_id session_id member_id payment_id moved_from", nullable=True),
        _check(table, "deposit", "(deposit_state = 'none') = (deposit_minor = 0)"),
        _check(table, "money", "price_minor >= 0 AND deposit_minor >= 0"),
        _check(table, "span", "ends_at > starts_at"),
        _reference(table, "member_id", "members_member"),
        _reference(table, "resource_id", "appointments_resource"),
        _reference(table, "service_id", "appointments_service"),
        _reference(table, "session_id", "appointments_session"),
        _reference(table, "shop_id", "stores_shop"),
        _reference(table, "staff_id", "appointments_staff"),
        sa.UniqueConstraint("brand_id", "code", name="uq_appointments_booking_brand_id_code"),
    )
    _index(table, "ix_appointments_booking_brand_id_member_id_starts_at", "member_id starts_at")
    _index(table, "ix_appointments_booking_brand_id_payment_id", "payment_id")
    _index(table, "ix_appointments_booking_brand_id_shop_id_local_day_starts_at", "shop_id local_day starts_at")
    _index(table, "ix_appointments_booking_brand_id_staff_id_local_day", "staff_id local_day")
    _index(
        table,
        "ix_appointments_booking_fairness",
        "staff_id created_at",
        where="state IN ('held', 'requested', 'confirmed', 'arrived', 'in_service', 'completed')",
    )
    _index(table, "uq_appointments_booking_moved", "moved_from", unique=True, where="moved_from IS NOT NULL")
    _index(
        table,
        "uq_appointments_booking_request",
        "member_id request_key",
        unique=True,
        where="request_key IS NOT NULL",
    )


def _create_occupancy(table: str) -> None:
    op.create_table(
        table,
        *_row(),
        *_columns(sa.Boolean(), "is_live"),
        *_columns(sa.DateTime(timezone=True), "starts_at ends_at"),
        *_columns(sa.Uuid(), "resource_id"),
        *_columns(sa.Uuid(), "booking_id session_id", nullable=True),
        _check(table, "one_owner", "(booking_id IS NULL) <> (session_id IS NULL)"),
        _check(table, "span", "ends_at > starts_at"),
        ExcludeConstraint(
            ("brand_id", "="),
            ("resource_id", "="),
            (sa.text("tstzrange(starts_at, ends_at)"), "&&"),
            where=sa.text("is_live"),
            name="ex_appointments_occupancy_no_overlap",
        ),
        _reference(table, "booking_id", "appointments_booking", is_deferred=True),
        _reference(table, "session_id", "appointments_session", is_deferred=True),
    )
    _index(table, "ix_appointments_occupancy_brand_id_booking_id", "booking_id")
    _index(table, "ix_appointments_occupancy_brand_id_session_id", "session_id")
    _index(
        table,
        "ix_appointments_occupancy_live",
        "resource_id ends_at",
        include=["starts_at", "booking_id"],
        where="is_live",
    )


def _create_booking_event(table: str) -> None:
    op.create_table(
        table,
        *_row(),
        *_columns(sa.String(16), "actor"),
        *_columns(sa.String(200), "detail"),
        *_columns(sa.String(32), "kind"),
        *_columns(sa.Uuid(), "booking_id"),
        *_columns(sa.Uuid(), "actor_id", nullable=True),
        _reference(table, "booking_id", "appointments_booking"),
    )
    _index(table, "ix_appointments_booking_event_brand_id_booking_id_id", "booking_id id")


def _create_wait(table: str) -> None:
    op.create_table(
        table,
        *_row(),
        *_columns(sa.Date(), "day"),
        *_columns(sa.DateTime(timezone=True), "offered_start offer_expires_at", nullable=True),
        *_columns(sa.SmallInteger(), "from_min until_min"),
        *_columns(sa.String(32), "state"),
        *_columns(sa.Uuid(), "member_id shop_id service_id"),
        *_columns(sa.Uuid(), "staff_id booking_id", nullable=True),
        _check(table, "window", "from_min BETWEEN 0 AND 1439 AND until_min BETWEEN 1 AND 1440"),
        _reference(table, "booking_id", "appointments_booking"),
        _reference(table, "member_id", "members_member"),
        _reference(table, "service_id", "appointments_service"),
        _reference(table, "shop_id", "stores_shop"),
        _reference(table, "staff_id", "appointments_staff"),
    )
    _index(table, "ix_appointments_wait_brand_id_booking_id", "booking_id")
    _index(table, "ix_appointments_wait_line", "shop_id service_id day id", where="state = 'waiting'")
    _index(
        table,
        "uq_appointments_wait_once",
        "member_id shop_id service_id day",
        unique=True,
        where="state IN ('waiting', 'offered')",
    )


def _row() -> list[sa.Column]:
    return [
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    ]


def _editable() -> list[sa.Column]:
    return [
        *_row(),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    ]


def _columns(kind: sa.types.TypeEngine, names: str, *, nullable: bool = False) -> list[sa.Column]:
    return [sa.Column(name, kind, nullable=nullable) for name in names.split()]


def _index(
    table: str, name: str, columns: str, *, where: str = "", unique: bool = False, include: list[str] | None = None
) -> None:
    op.create_index(
        name,
        table,
        ["brand_id", *columns.split()],
        unique=unique,
        postgresql_include=include,
        postgresql_where=sa.text(where) if where else None,
    )


def _check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=f"ck_{table}_{name}")


def _reference(table: str, column: str, target: str, *, is_deferred: bool = False) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["brand_id", column],
        [f"{target}.brand_id", f"{target}.id"],
        name=f"fk_{table}_brand_id_{column}",
        deferrable=True if is_deferred else None,
        initially="DEFERRED" if is_deferred else None,
    )


_TABLES = {
    "appointments_service": _create_service,
    "appointments_staff": _create_staff,
    "appointments_staff_shop": _create_staff_shop,
    "appointments_skill": _create_skill,
    "appointments_plan_span": _create_plan_span,
    "appointments_staff_day": _create_staff_day,
    "appointments_resource": _create_resource,
    "appointments_shop_rule": _create_shop_rule,
    "appointments_shop_day": _create_shop_day,
    "appointments_session": _create_session,
    "appointments_booking": _create_booking,
    "appointments_occupancy": _create_occupancy,
    "appointments_booking_event": _create_booking_event,
    "appointments_wait": _create_wait,
}
