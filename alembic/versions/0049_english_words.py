"""what a brand calls its shops, products, services and people may be said in English as well (ADR 0029)

Revision ID: 0049
Revises: 0048
"""

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

# Those of the columns beside them.
_WORDS = {
    "brand": {"name_en": 80},
    "brand_policy": {"display_name_en": 80},
    "stores_shop": {"name_en": 80, "address_en": 200},
    "catalog_product": {"name_en": 200, "description_en": 8000},
    "catalog_sku": {"shade_name_en": 120, "option_text_en": 80},
    "groupbuy_campaign": {"title_en": 80, "description_en": 1000},
    "appointments_service": {"name_en": 80, "category_en": 40, "description_en": 400},
    "appointments_staff": {"display_name_en": 60, "title_en": 60},
}
_SEARCHED = "ix_stores_shop_brand_id_name_en_code"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table, words in _WORDS.items():
        for name, length in words.items():
            kind = (
                sa.String(length, collation="C")
                if (table, name) == ("stores_shop", "name_en")
                else sa.String(length)
            )
            op.add_column(table, sa.Column(name, kind, server_default="", nullable=False), if_not_exists=True)
    op.create_index_concurrently(
        _SEARCHED, "stores_shop", ["brand_id", "name_en", "code"], postgresql_where=sa.text("name_en <> ''")
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table, words in _WORDS.items():
        for name in words:
            op.drop_column(table, name, if_exists=True)
