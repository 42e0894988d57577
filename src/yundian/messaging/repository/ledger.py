"""Consents as HQ reads them: what is left of each template, and every entry with the message it is about."""

import uuid

from yundian.messaging.types import CreditEntryView, CreditView
from yundian.platform.outbox.door import Door, brand_of, fetch

_CREDITS = """
SELECT c.app_id, c.template_id, c.remaining,
    coalesce(sum(e.change) FILTER (WHERE e.reference LIKE 'gained:%'), 0)::int,
    coalesce(-sum(e.change) FILTER (WHERE e.reference LIKE 'used:%' OR e.reference LIKE 'returned:%'), 0)::int,
    coalesce(-sum(e.change) FILTER (WHERE e.reference LIKE 'voided:%' OR e.reference LIKE 'refused:%'), 0)::int
FROM messaging_credit c LEFT JOIN messaging_credit_entry e ON e.brand_id = c.brand_id AND e.member_id = c.member_id
    AND e.app_id = c.app_id AND e.template_id = c.template_id
WHERE c.brand_id = $1 AND c.member_id = $2
GROUP BY c.app_id, c.template_id, c.remaining ORDER BY c.app_id, c.template_id
"""

# A member has tens of entries: what was left after each is summed over all of them.
_ENTRIES = """
WITH e AS (
    SELECT id, created_at, app_id, template_id, reference, change,
        (sum(change) OVER (PARTITION BY app_id, template_id ORDER BY id))::int AS remaining,
        CASE WHEN reference ~ '^(used|returned|voided):[0-9a-f-]{36}$'
            THEN split_part(reference, ':', 2)::uuid END AS attempt_id
    FROM messaging_credit_entry WHERE brand_id = $1 AND member_id = $2
)
SELECT e.id, e.created_at, e.app_id, e.template_id, split_part(e.reference, ':', 1), e.change, e.remaining, m.id,
    m.template
FROM e LEFT JOIN messaging_attempt a ON a.brand_id = $1 AND a.id = e.attempt_id
LEFT JOIN messaging_message m ON m.brand_id = $1 AND m.id = a.message_id
WHERE ($3 = '' OR e.template_id = $3) AND ($4::uuid IS NULL OR e.id < $4)
ORDER BY e.id DESC LIMIT $5
"""


async def credits_of(door: Door, *, member_id: uuid.UUID) -> list[CreditView]:
    """By template of WeChat's, also those of which none is left."""
    rows = await fetch(door, _CREDITS, brand_of(door), member_id)
    return [
        CreditView(
            app_id=app_id, template_id=template_id, remaining=remaining, gained=gained, used=used, voided=voided
        )
        for app_id, template_id, remaining, gained, used, voided in rows
    ]


async def entries_of(
    door: Door, *, member_id: uuid.UUID, template_id: str, before_id: uuid.UUID | None, limit: int
) -> list[CreditEntryView]:
    """The newest first; of one template, or of all where none is named."""
    rows = await fetch(door, _ENTRIES, brand_of(door), member_id, template_id, before_id, limit)
    return [
        CreditEntryView(
            id=id_,
            created_at=created_at,
            app_id=app_id,
            template_id=template,
            what=what,
            change=change,
            remaining=remaining,
            message_id=message_id,
            message_template=message_template or "",
        )
        for id_, created_at, app_id, template, what, change, remaining, message_id, message_template in rows
    ]
