"""From what a merge left in the temporary tables of orders into those of reports, without leaving the database."""

import uuid
from collections.abc import Sequence

from yundian.platform.db.database import Tx

# Whatever counted before is taken out; what is no sale (any more) has no instant.
_ORDERS = """
INSERT INTO reports_staged (document_id, document_type, kind, order_id, number, channel, shop_id, fulfil_shop_id,
    member_id, country, province, currency, accrual_at, accrual_minor, cash_at, cash_minor, has_before, time_zone)
SELECT s.order_id, 'order', 'sale', s.order_id, s.number, s.channel, s.shop_id, s.shop_id, s.member_id, s.country,
    s.province, s.currency, s.released_at, s.total_minor,
    CASE WHEN s.paid_minor <> 0 OR s.total_minor = 0 THEN s.released_at END, s.paid_minor, s.is_known, c.time_zone
FROM orders_staged s LEFT JOIN channels_channel c ON c.brand_id = $1 AND c.code = s.channel
WHERE s.released_at IS NOT NULL OR s.is_known
"""
_LINES = """
INSERT INTO reports_staged_line (document_id, line_no, sku_id, quantity, amount_minor)
SELECT l.order_id, l.line_no, l.sku_id, l.quantity, l.total_minor FROM orders_staged_line l
JOIN orders_staged s ON s.order_id = l.order_id WHERE s.released_at IS NOT NULL
"""
_RETURNS = """
INSERT INTO reports_staged (document_id, document_type, kind, order_id, number, channel, shop_id, fulfil_shop_id,
    member_id, country, province, currency, accrual_at, accrual_minor, cash_at, cash_minor, has_before, time_zone)
SELECT r.return_id, 'return', 'refund', r.order_id, r.number, r.channel, r.shop_id, r.shop_id, r.member_id,
    r.country, r.province, r.currency, i.at, r.amount_minor, i.at, r.amount_minor, r.has_before, c.time_zone
FROM orders_changed_return r LEFT JOIN channels_channel c ON c.brand_id = $1 AND c.code = r.channel
CROSS JOIN LATERAL (SELECT CASE WHEN r.is_counted THEN r.refunded_at END AS at) AS i
WHERE r.is_counted OR r.has_before
"""
# A line that takes something back of a refund is in what the lines leave.
_RETURN_LINES = """
INSERT INTO reports_staged_line (document_id, line_no, sku_id, quantity, amount_minor)
SELECT r.return_id, l.line_no, (l.line ->> 'sku_id')::uuid, (l.line ->> 'quantity')::bigint,
    (l.line ->> 'amount_minor')::bigint
FROM orders_changed_return r CROSS JOIN LATERAL jsonb_array_elements(r.lines) WITH ORDINALITY AS l (line, line_no)
WHERE r.is_counted AND (l.line ->> 'quantity')::bigint >= 0 AND (l.line ->> 'amount_minor')::bigint >= 0
"""
_GONE = """
INSERT INTO reports_staged (document_id, document_type, kind, order_id, number, channel, currency, has_before)
SELECT id, 'order', 'sale', id, '', '', '', true FROM unnest($1::uuid[]) AS gone (id)
"""


async def stage(tx: Tx, *, has_orders: bool, has_returns: bool, gone: Sequence[uuid.UUID]) -> None:
    if has_orders:
        await tx.execute(_ORDERS, tx.brand)
        await tx.execute(_LINES)
    if has_returns:
        await tx.execute(_RETURNS, tx.brand)
        await tx.execute(_RETURN_LINES)
    if gone:
        await tx.execute(_GONE, list(gone))
