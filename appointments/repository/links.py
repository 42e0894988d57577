"""Statements about secret addresses of appointments."""

import uuid

from yundian.platform.outbox.door import Door, brand_of, run

# With all that it was before it was moved, and what took its place: their addresses lead to one another. What was
# moved back is linked with what it had become, so each is visited once.
_END = """
WITH RECURSIVE chain AS (
    SELECT b.id, b.moved_from FROM appointments_booking b WHERE b.brand_id = $1 AND b.id = $2
    UNION
    SELECT b.id, b.moved_from FROM chain c JOIN appointments_booking b
        ON b.brand_id = $1 AND (b.id = c.moved_from OR b.moved_from = c.id)
)
UPDATE appointments_booking SET link_version = link_version + 1
WHERE brand_id = $1 AND id IN (SELECT id FROM chain)
"""


async def end(door: Door, *, booking_id: uuid.UUID) -> None:
    """The addresses of an appointment that were given out end."""
    await run(door, _END, brand_of(door), booking_id)
