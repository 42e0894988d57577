"""What kinds of channels there are, and how a received document ended."""

from enum import StrEnum


class ChannelKind(StrEnum):
    """Where a channel's orders come from."""

    TILL = "till"
    MARKETPLACE = "marketplace"
    OWN = "own"  # a web shop or program of the brand that is not this house


class InboxState(StrEnum):
    """A document is decided in the transaction that receives it. One that comes again (the same content) makes no
    row, and one that is refused waits in the quarantine of imports: the sender is told either way."""

    APPLIED = "applied"  # the newest when it came; adjustments and what is ignored too: kept and counted
    STALE = "stale"  # a newer one had come before: kept, merged nowhere
