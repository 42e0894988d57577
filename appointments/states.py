"""The life of an appointment, of its deposit and of a place on the waiting list."""

from enum import StrEnum

from yundian.platform.core.states import Lifecycle


class BookingState(StrEnum):
    HELD = "held"  # set aside while the customer pays, or while an offer from the waiting list stands
    REQUESTED = "requested"  # waits for the shop's word
    CONFIRMED = "confirmed"
    ARRIVED = "arrived"
    IN_SERVICE = "in_service"
    COMPLETED = "completed"
    EXPIRED = "expired"
    DECLINED = "declined"
    RESCHEDULED = "rescheduled"  # lives on as another booking
    CANCELLED = "cancelled"
    CANCELLED_LATE = "cancelled_late"
    NO_SHOW = "no_show"
    NO_SHOW_PENALIZED = "no_show_penalized"
    WAIVED = "waived"  # stayed away, and the shop forgave it


class DepositState(StrEnum):
    """Money has a life of its own: the booking's state never moves it by itself."""

    NONE = "none"
    REQUIRED = "required"
    PAID = "paid"
    APPLIED_TO_SALE = "applied_to_sale"
    REFUNDING = "refunding"  # asked of the provider, not arrived yet
    REFUNDED = "refunded"
    FORFEITED = "forfeited"


class WaitState(StrEnum):
    WAITING = "waiting"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    LAPSED = "lapsed"
    WITHDRAWN = "withdrawn"


class WaitMode(StrEnum):
    """How a freed time is offered: to one after the other with the time held, or to all and the first wins."""

    OFF = "off"
    SEQUENTIAL = "sequential"
    BROADCAST = "broadcast"


class Status(StrEnum):
    ACTIVE = "active"
    RETIRED = "retired"


class SpanKind(StrEnum):
    WORK = "work"
    BREAK = "break"


class DayKind(StrEnum):
    """What is different on a date: away, other hours instead of the plan's, or one more break."""

    OFF = "off"
    WORK = "work"
    BREAK = "break"


class DayRule(StrEnum):
    """How a shop treats public holidays and the weekend days that make up for them."""

    AS_USUAL = "as_usual"
    CLOSED = "closed"
    AS_SUNDAY = "as_sunday"
    AS_MONDAY = "as_monday"


class Source(StrEnum):
    CUSTOMER = "customer"
    SHOP = "shop"
    WALK_IN = "walk_in"
    WAITLIST = "waitlist"
    GROUP = "group"  # a group bought the session together
    IMPORT = "import"  # from another system


class PartyState(StrEnum):
    """A session that a group buys together."""

    HELD = "held"  # while the group fills
    BOOKED = "booked"
    FREED = "freed"


class Attention(StrEnum):
    """Why the customer has a choice to make that costs her nothing."""

    NONE = ""
    REASSIGNED = "reassigned"  # another person will serve her
    CHOOSE = "choose"  # nobody can at this time


class ReasonCode(StrEnum):
    """Why the house itself ended a booking; people give their reasons in words. Permanent."""

    NONE = ""
    NO_ANSWER = "no_answer"  # the shop said nothing until the time had come
    REFUNDED = "refunded"  # her order was paid back, so her seat is free
    NOT_CHOSEN = "not_chosen"  # nobody could serve her, and she chose nothing else


_GONE = frozenset[BookingState]()
_MISSED = frozenset({BookingState.WAIVED, BookingState.ARRIVED})
_ENDS = frozenset({BookingState.CANCELLED, BookingState.CANCELLED_LATE, BookingState.RESCHEDULED})

BOOKING = Lifecycle(
    {
        BookingState.HELD: frozenset(
            {BookingState.REQUESTED, BookingState.CONFIRMED, BookingState.EXPIRED, BookingState.CANCELLED}
        ),
        BookingState.REQUESTED: frozenset({BookingState.CONFIRMED, BookingState.DECLINED}) | _ENDS,
        BookingState.CONFIRMED: frozenset(
            {BookingState.ARRIVED, BookingState.NO_SHOW, BookingState.NO_SHOW_PENALIZED}
        )
        | _ENDS,
        # Back to confirmed: it was somebody else who was checked in.
        BookingState.ARRIVED: frozenset(
            {BookingState.IN_SERVICE, BookingState.COMPLETED, BookingState.CANCELLED, BookingState.CONFIRMED}
        ),
        BookingState.IN_SERVICE: frozenset({BookingState.COMPLETED}),
        BookingState.NO_SHOW: _MISSED,
        BookingState.NO_SHOW_PENALIZED: _MISSED,
        BookingState.COMPLETED: _GONE,
        BookingState.EXPIRED: _GONE,
        BookingState.DECLINED: _GONE,
        BookingState.RESCHEDULED: _GONE,
        BookingState.CANCELLED: _GONE,
        BookingState.CANCELLED_LATE: _GONE,
        BookingState.WAIVED: _GONE,
    }
)

# They can be given another time.
MOVABLE = frozenset({BookingState.CONFIRMED, BookingState.REQUESTED})
# They take the time of staff and chair.
LIVE = frozenset(
    {
        BookingState.HELD,
        BookingState.REQUESTED,
        BookingState.CONFIRMED,
        BookingState.ARRIVED,
        BookingState.IN_SERVICE,
    }
)
MISSED = frozenset({BookingState.NO_SHOW, BookingState.NO_SHOW_PENALIZED})
CANCELLED = frozenset({BookingState.CANCELLED, BookingState.CANCELLED_LATE})
