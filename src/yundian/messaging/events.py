"""What messaging tells other rooms."""

import uuid

from yundian.platform.outbox.declare import Event


class MessageDue(Event, frozen=True, kw_only=True, tag="messaging.due.v1"):
    """A message is about to be sent and its owner wants to be asked: is the fact still true? Answer by
    ``messaging.api.answer``; ``recheck`` is the name the owner queued it with."""

    message_id: uuid.UUID
    recheck: str
    fact_key: str
    template: str
    member_id: uuid.UUID


EVENTS = (MessageDue,)
