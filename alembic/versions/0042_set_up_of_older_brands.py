"""brands whose set-up nobody changed since 0034 get a revision too

Without one a booking reads the whole set-up again each time.

Revision ID: 0042
Revises: 0041
"""

from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

# Small tables. 0 is no transaction's number: the next change of the brand gives another revision, whoever makes it,
# and one that is under way is waited for, or has made the row.
_GIVE = """
INSERT INTO appointments_setup_revision (brand_id, id, created_at, revision, changed_in)
SELECT brand_id, brand_id, now(), gen_random_uuid(), 0 FROM (
    SELECT brand_id FROM appointments_service UNION SELECT brand_id FROM appointments_staff
    UNION SELECT brand_id FROM appointments_resource
) AS known ORDER BY brand_id
ON CONFLICT (brand_id, id) DO NOTHING
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(_GIVE)


def downgrade() -> None:
    """A revision that stands is right."""
    op.execute("SET LOCAL lock_timeout = '5s'")
