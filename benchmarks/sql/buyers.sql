-- Buyers of the ranges $1..$2, signed in: the token of one is her member id. Each has opened the link of a campaign:
-- that of $3, or, where it is null, the one that her place in the run gives her.
WITH who AS (
    SELECT n, bench.id(6, n) AS id, coalesce($3::int, 1 + (n / 100000 * 100005 + (n % 100000 - 1) / 10) % 40) AS c
    FROM unnest($1::int[], $2::int[]) AS range (low, high), generate_series(low, high) AS n
), member AS (
    INSERT INTO members_member (brand_id, id, created_at, updated_at, version, nickname, picture_url, status, joined_via)
    SELECT bench.brand(), id, now(), now(), 1, 'Buyer', '', 'active', 'mini_program' FROM who RETURNING id
), session AS (
    INSERT INTO auth_customer_session (brand_id, id, created_at, token_hash, member_id, expires_at, ends_at, ip_hash, user_agent)
    SELECT bench.brand(), id, now(), sha256(id::text::bytea), id, now() + interval '60 days', now() + interval '90 days', '\x00', 'bench' FROM member
)
INSERT INTO attribution_touch (brand_id, id, created_at, link_id, slot, member_id, kind, at, agent, is_bot, is_own)
SELECT bench.brand(), uuidv7(), now(), bench.id(11, c), n, id, 'open', now(), 'wechat', false, false FROM who JOIN member USING (id)
