"""Who calls, found in one round trip: functions that look a session up without a transaction of the caller's

Revision ID: 0018
Revises: 0017
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# As the owner, whom no row policy binds: each filters by the brand and by the hash of a secret that it is given.
_CUSTOMER = """
CREATE FUNCTION auth_find_customer_session(of_brand uuid, of_token bytea, at timestamptz)
RETURNS TABLE (session_id uuid, member_id uuid, brand_code varchar, expires_at timestamptz, ends_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    RETURN QUERY
    SELECT s.id, s.member_id, b.code, s.expires_at, s.ends_at
    FROM auth_customer_session s JOIN brand b ON b.id = s.brand_id
    WHERE s.brand_id = of_brand AND s.token_hash = of_token AND s.revoked_at IS NULL AND s.expires_at > at;
END $$
"""

_STAFF = """
CREATE FUNCTION auth_find_session(of_brand uuid, of_token bytea, at timestamptz)
RETURNS TABLE (session_id uuid, id uuid, display_name varchar, must_change_password boolean, roles varchar[],
               shops uuid[], expires_at timestamptz, ends_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    RETURN QUERY
    SELECT s.id, a.id, a.display_name, a.must_change_password,
           coalesce(g.roles, '{}'), coalesce(g.shops, '{}'), s.expires_at, s.ends_at
    FROM auth_session s
    JOIN auth_account a ON a.brand_id = s.brand_id AND a.id = s.account_id AND a.status = 'active'
    LEFT JOIN LATERAL (
        SELECT array_agg(t.role ORDER BY t.id) AS roles, array_agg(t.shop_id ORDER BY t.id) AS shops
        FROM auth_grant t WHERE t.brand_id = a.brand_id AND t.account_id = a.id
    ) g ON true
    WHERE s.brand_id = of_brand AND s.token_hash = of_token AND s.revoked_at IS NULL AND s.expires_at > at;
END $$
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(_CUSTOMER)
    op.execute(_STAFF)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP FUNCTION auth_find_session(uuid, bytea, timestamptz)")
    op.execute("DROP FUNCTION auth_find_customer_session(uuid, bytea, timestamptz)")
