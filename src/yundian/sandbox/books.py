"""The sandbox's books for comparison with ours: every payment, refund and notice, and sums to the fen."""

from typing import Any

from yundian.sandbox.context import Sandbox

_PAYMENTS = """
SELECT provider, merchant, app_id, out_no AS out_trade_no, number, product, amount AS amount_minor, currency,
       state, refunded AS refund_bound_minor, payer, user_id, created_at, paid_at, closed_at
FROM trade WHERE merchant GLOB ? ORDER BY id
"""
_REFUNDS = """
SELECT trade.provider, trade.merchant, trade.out_no AS out_trade_no, refund.out_no AS out_refund_no, refund.number,
       refund.amount AS amount_minor, trade.currency, refund.state, refund.created_at, refund.settled_at
FROM refund JOIN trade ON trade.id = refund.trade_id WHERE trade.merchant GLOB ? ORDER BY refund.id
"""
_NOTICES = """
SELECT id, provider, operation, merchant, key, url, state, attempts, created_at,
       CASE state WHEN 'pending' THEN next_due - ? END AS due_in_s
FROM notice WHERE merchant GLOB ? ORDER BY id
"""
_ATTEMPTS = """
SELECT notice_id, at, faults, status, answer, accepted FROM notice_attempt
WHERE notice_id IN (SELECT id FROM notice WHERE merchant GLOB ?) ORDER BY id
"""
_TOTALS = """
SELECT provider, merchant, currency,
       count(paid_at) AS paid_count, coalesce(sum(amount) FILTER (WHERE paid_at IS NOT NULL), 0) AS paid_minor,
       coalesce(sum((SELECT count(*) FROM refund WHERE trade_id = trade.id AND refund.state = 'success')), 0)
           AS refunded_count,
       coalesce(sum((SELECT sum(refund.amount) FROM refund
                     WHERE trade_id = trade.id AND refund.state = 'success')), 0) AS refunded_minor
FROM trade WHERE merchant GLOB ? GROUP BY provider, merchant, currency ORDER BY provider, merchant
"""


def export(sandbox: Sandbox, merchant: str = "*") -> dict[str, Any]:
    """Everything of one merchant (a glob); times are seconds since 1970."""
    store = sandbox.store
    attempts: dict[int, list[dict[str, Any]]] = {}
    for attempt in store.rows(_ATTEMPTS, merchant):
        attempts.setdefault(attempt.pop("notice_id"), []).append(attempt)
    told = [
        {**notice, "deliveries": attempts.get(notice["id"], [])}
        for notice in store.rows(_NOTICES, sandbox.clock.tick(), merchant)
    ]
    return {
        "payments": store.rows(_PAYMENTS, merchant),
        "refunds": store.rows(_REFUNDS, merchant),
        "notices": told,
        "totals": store.rows(_TOTALS, merchant),
    }
