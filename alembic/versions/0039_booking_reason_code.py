"""what the house itself notes of a booking has a code, and is no sentence among people's

Revision ID: 0039
Revises: 0038
"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

_TABLE, _EVENT = "appointments_booking", "appointments_booking_event"
_WORDS = {"no_answer": ("declined", "no answer"), "refunded": ("cancelled", "refunded")}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column(_TABLE, sa.Column("reason_code", sa.String(32), nullable=False, server_default=""))
    for code, (kind, words) in _WORDS.items():
        # Only what the house wrote: somebody of the shop may have used the same words.
        _rename(f"reason_code = '{code}', reason = ''", f"b.reason = '{words}'", kind, words)
        _renote(f"'{code}'", kind, words)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for code, (kind, words) in _WORDS.items():
        _rename(f"reason = '{words}'", f"b.reason_code = '{code}'", kind, code)
        _renote(f"'{words}'", kind, code)
    op.drop_column(_TABLE, "reason_code")


def _rename(change: str, which: str, kind: str, detail: str) -> None:
    op.execute(
        f"UPDATE {_TABLE} b SET {change} FROM {_EVENT} e WHERE {which} AND e.brand_id = b.brand_id"  # noqa: S608
        f" AND e.booking_id = b.id AND e.kind = '{kind}' AND e.actor = 'system' AND e.detail = '{detail}'"
    )


def _renote(detail: str, kind: str, before: str) -> None:
    op.execute(
        f"UPDATE {_EVENT} SET detail = {detail} WHERE kind = '{kind}' AND actor = 'system'"  # noqa: S608
        f" AND detail = '{before}'"
    )
