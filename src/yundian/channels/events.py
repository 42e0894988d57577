"""What channels tells other rooms. An order of another system has no events of its own: what is told is that some
changed, and whoever reacts looks at how they stand."""

import uuid

from yundian.platform.outbox.declare import Event

# So many orders in one event at most.
MOST_TOLD = 500


class DocumentsMerged(Event, frozen=True, kw_only=True, tag="channels.documents_merged.v1"):
    """Orders of other systems came in, changed, found their member or are no orders any more; or another sum of
    them was given back. ``member_ids``: whose they are now, each once; of whom they were before is not told.

    History (``is_backfill`` of the order) is among them: nobody is sent anything because of it.
    """

    channel: str
    order_ids: tuple[uuid.UUID, ...]
    member_ids: tuple[uuid.UUID, ...]


EVENTS = (DocumentsMerged,)
