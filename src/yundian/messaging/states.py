"""The life of a message, and of each try to send it."""

from enum import StrEnum

from yundian.platform.core.states import Lifecycle


class MessageState(StrEnum):
    QUEUED = "queued"
    WAITING_QUIET = "waiting_quiet"  # the night ends first
    CHECKING = "checking"  # its owner was asked whether it is still true
    SENDING = "sending"  # a provider may know of it
    SENT = "sent"  # a provider took it
    DELIVERED = "delivered"  # the provider says that it arrived
    UNKNOWN = "unknown"  # it may have gone out; nobody can tell, so it is not sent again by itself
    FAILED = "failed"  # every way refused
    SKIPPED = "skipped"  # not sent, on purpose
    PARKED = "parked"  # a person decides


WAITING = (MessageState.QUEUED, MessageState.WAITING_QUIET, MessageState.CHECKING)
ON_THE_WAY = (*WAITING, MessageState.SENDING)
# HQ may send these again, knowing what happened.
ENDED_BADLY = (MessageState.UNKNOWN, MessageState.FAILED, MessageState.PARKED)

_FROM_WAITING = frozenset(
    {
        MessageState.QUEUED,
        MessageState.WAITING_QUIET,
        MessageState.CHECKING,
        MessageState.SENDING,
        MessageState.SKIPPED,
        MessageState.FAILED,
        MessageState.PARKED,
    }
)

MESSAGE = Lifecycle(
    {
        MessageState.QUEUED: _FROM_WAITING,
        MessageState.WAITING_QUIET: _FROM_WAITING,
        MessageState.CHECKING: _FROM_WAITING,
        MessageState.SENDING: frozenset(
            {
                MessageState.SENT,
                MessageState.DELIVERED,
                MessageState.QUEUED,
                MessageState.UNKNOWN,
                MessageState.SKIPPED,
            }
        ),
        # The provider may say afterwards that it could not hand it over: then the next way is tried.
        MessageState.SENT: frozenset({MessageState.DELIVERED, MessageState.QUEUED}),
        # It may also say how one ended that nobody knew of.
        MessageState.DELIVERED: frozenset(),
        MessageState.SKIPPED: frozenset(),
        MessageState.UNKNOWN: frozenset({MessageState.QUEUED, MessageState.DELIVERED, MessageState.SKIPPED}),
        MessageState.FAILED: frozenset({MessageState.QUEUED}),
        MessageState.PARKED: frozenset({MessageState.QUEUED}),
    }
)


class AttemptState(StrEnum):
    STARTED = "started"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class SkipReason(StrEnum):
    """Why a message was not sent, on purpose."""

    NO_CHANNEL = "no_channel"  # no openid, no phone, or nothing set up to reach them
    NO_CREDIT = "no_credit"  # the only way needs a consent that is used up
    OPTED_OUT = "opted_out"
    NO_CONSENT = "no_consent"
    FREQUENCY_CAP = "frequency_cap"
    TOO_LATE = "too_late"
    OUTDATED = "outdated"  # its owner says that it is not true any more
    WITHDRAWN = "withdrawn"  # its owner took it back
    DISABLED = "disabled"  # HQ switched the template off
    MEMBER_CLOSED = "member_closed"
    ERASED = "erased"  # too old to keep its words
