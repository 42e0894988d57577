"""Whether a board is still as it was drawn: one small statement, asked every few seconds by every open board."""

import datetime as dt
import hashlib
import uuid

from yundian.platform.outbox.door import Door, brand_of, fetch

# A row that was written anew has another xmin, whatever of it was changed. Sums, so that no order matters.
_MARK = """
SELECT (SELECT count(*) || ' ' || coalesce(sum(hashtextextended(b.id::text || b.xmin::text, 0)), 0)
    FROM appointments_booking b
        WHERE b.brand_id = $1 AND b.shop_id = $2 AND b.local_day BETWEEN $3::date - 1 AND $3),
    (SELECT coalesce(sum(hashtextextended(b.id::text || b.state, 0)), 0)::text FROM appointments_booking b
        WHERE b.brand_id = $1 AND b.shop_id = $2 AND b.local_day >= $4 AND b.starts_at > now()
        AND (b.state = 'requested' OR (b.state = 'confirmed' AND b.attention = 'choose'))),
    (SELECT count(*)::text FROM appointments_wait w WHERE w.brand_id = $1 AND w.shop_id = $2 AND w.day = $3
        AND w.state IN ('waiting', 'offered')),
    (SELECT coalesce(sum(hashtextextended(o.id::text, 0)), 0)::text FROM appointments_occupancy o
        WHERE o.brand_id = $1 AND o.is_kept AND o.starts_at < $3::date + interval '3 days'
        AND o.ends_at > $3::date - interval '2 days'),
    (SELECT r.revision::text FROM appointments_setup_revision r WHERE r.brand_id = $1 AND r.id = $1)
"""


async def mark(door: Door, *, shop_id: uuid.UUID, day: dt.date, today: dt.date) -> str:
    """Another one when anything of the day was changed that its board shows. Read it before what it is about."""
    [row] = await fetch(door, _MARK, brand_of(door), shop_id, day, today)
    text = f"{today} {' '.join(str(part) for part in row)}"
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
