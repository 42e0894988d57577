"""a file of appointments is looked at before it is brought in: what its words mean, and what was made of them

Revision ID: 0050
Revises: 0049
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

_SURVEY, _WORD, _DRAFT = (f"appointments_import_{name}" for name in ("survey", "word", "draft"))


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        _SURVEY,
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mapping", sa.Text(), nullable=False),
        sa.Column("header_hash", sa.String(64), nullable=False),
        sa.Column("layout", JSONB(), nullable=True),
        sa.Column("rows_read", sa.BigInteger(), nullable=False),
        sa.Column("permille", sa.Integer(), nullable=False),
        sa.Column("found", sa.LargeBinary(), nullable=True),
        sa.Column("next_upload_id", sa.Uuid(), nullable=True),
        sa.Column("is_import", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("brand_id", "id", name=f"pk_{_SURVEY}"),
    )
    op.create_index(f"ix_{_SURVEY}_brand_id_header_hash_id", _SURVEY, ["brand_id", "header_hash", "id"])
    op.create_index(f"ix_{_SURVEY}_brand_id_next_upload_id", _SURVEY, ["brand_id", "next_upload_id"])
    op.create_index(
        f"ix_{_SURVEY}_found", _SURVEY, ["brand_id", "created_at"], postgresql_where=sa.text("found IS NOT NULL")
    )
    op.protect_by_brand(_SURVEY)
    op.create_table(
        _WORD,
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.String(80), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("within", sa.Uuid(), nullable=False),
        sa.Column("said", sa.String(160), nullable=False),
        sa.Column("means", sa.String(40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("brand_id", "source", "kind", "within", "said", name=f"pk_{_WORD}"),
    )
    op.create_index(f"ix_{_WORD}_brand_id_means", _WORD, ["brand_id", "means"])
    op.protect_by_brand(_WORD)
    op.create_table(
        _DRAFT,
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("made_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("survey_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("brand_id", "made_id", name=f"pk_{_DRAFT}"),
    )
    op.create_index(f"ix_{_DRAFT}_brand_id_survey_id", _DRAFT, ["brand_id", "survey_id"])
    op.protect_by_brand(_DRAFT)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in (_DRAFT, _WORD, _SURVEY):
        op.drop_table(table)
