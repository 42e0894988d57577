"""What may die, where, while a shop runs its day: the cells, and the few that stand for them all."""

import random
from dataclasses import dataclass
from enum import StrEnum

from tests.faults.cells import Place, Victim
from tests.faults.main_cells import carried
from tests.faults.visit_cells import DECIDED


class Act(StrEnum):
    """What is going on when it happens; each comes to its end after it."""

    ASK = "ask"  # the deposit of what needs the shop's word is paid
    APPROVE = "approve"  # the shop says yes
    REFUSE = "refuse"  # it says no, and the deposit goes back
    SHIFT = "shift"  # the shop moves it
    UNDO = "undo"  # and takes that back
    STAND = "stand"  # or does not: the customer is told, and whoever waits is offered the old time
    GIVE = "give away"  # or it says at once that it stays, and gives the old time away
    GIVE_UP = "give up"  # the customer cancels late: her deposit is kept
    MISS = "miss"  # she does not come: it is kept, too
    FORGIVE = "forgive"  # and goes back after all
    SERVE = "serve"  # she comes and is served
    OFFER = "offer"  # a time is given back: whoever waits first is offered it
    ACCEPT = "accept"  # she takes it, on both of her phones at once
    NEXT = "next"  # she does not: it is offered to the next one
    AWAY = "away"  # somebody is away, and others take over what they can
    REMIND = "remind"  # a reminder is due
    OPEN = "open"  # a group holds its session
    FILL = "fill"  # its last member pays: everybody is booked
    FAIL = "fail"  # its time is up: the session is free, and paid back
    LATE = "late"  # somebody pays after that
    HAND_OVER = "hand over"  # one of the group is checked in: so is what she bought


_TIMER = ("timer.applied", "timer.committed")
_BACK = tuple(f"payments.refund_{step}" for step in ("claimed", "sent", "answered", "settled", "recorded"))
_NOTED = carried("appointments.note_refund")
STEPS: dict[tuple[Act, Place], tuple[str, ...]] = {
    (Act.ASK, Place.WORKER): carried("appointments.take_deposit", "appointments.watch_request"),
    (Act.APPROVE, Place.WEB): DECIDED,
    (Act.APPROVE, Place.WORKER): carried("appointments.watch_arrival", "appointments.chronicle_confirmed"),
    (Act.REFUSE, Place.WEB): DECIDED,
    (Act.REFUSE, Place.WORKER): (*carried("appointments.tell_declined"), *_BACK, *_NOTED),
    (Act.SHIFT, Place.WEB): DECIDED,
    (Act.SHIFT, Place.WORKER): carried("appointments.watch_arrival", "appointments.chronicle_confirmed"),
    (Act.UNDO, Place.WEB): DECIDED,
    (Act.UNDO, Place.WORKER): carried("appointments.chronicle_undone", "appointments.offer_freed_slot"),
    (Act.STAND, Place.WORKER): (*_TIMER, *carried("appointments.offer_freed_slot")),
    (Act.GIVE, Place.WEB): ("outbox.recorded",),
    (Act.GIVE, Place.WORKER): carried("appointments.offer_freed_slot"),
    (Act.GIVE_UP, Place.WEB): DECIDED,
    (Act.GIVE_UP, Place.WORKER): carried("appointments.tell_cancelled", "appointments.chronicle_cancelled"),
    (Act.MISS, Place.WORKER): (
        *_TIMER,
        *carried("appointments.forget_reminders", "appointments.chronicle_missed"),
    ),
    (Act.FORGIVE, Place.WEB): DECIDED,
    (Act.FORGIVE, Place.WORKER): (*carried("appointments.chronicle_forgiven"), *_BACK, *_NOTED),
    (Act.SERVE, Place.WEB): DECIDED,
    (Act.SERVE, Place.WORKER): carried(
        "appointments.chronicle_arrived", "appointments.chronicle_completed", "appointments.follow_up"
    ),
    (Act.OFFER, Place.WORKER): carried(
        "appointments.offer_freed_slot", "appointments.tell_offered", "appointments.watch_hold"
    ),
    (Act.ACCEPT, Place.WEB): DECIDED,
    (Act.NEXT, Place.WORKER): (
        *_TIMER,
        *carried("appointments.lapse_offer", "appointments.offer_freed_slot", "appointments.tell_offered"),
    ),
    (Act.AWAY, Place.WEB): DECIDED,
    (Act.AWAY, Place.WORKER): carried("appointments.tell_reassigned"),
    (Act.OPEN, Place.WEB): ("groupbuy.seat_taken", "groupbuy.seat_committed"),
    (Act.FILL, Place.WORKER): (
        "payments.captured",
        "orders.paid",
        "orders.released",
        *carried("groupbuy.take_money", "appointments.book_group", "appointments.watch_arrival"),
    ),
    (Act.FAIL, Place.WORKER): (
        *_TIMER,
        "groupbuy.refunds_asked",
        "groupbuy.ended",
        *carried("groupbuy.give_back", "appointments.free_group"),
        *_BACK,
    ),
    (Act.LATE, Place.WORKER): (*carried("groupbuy.place_late_money"), *_BACK),
    (Act.HAND_OVER, Place.WEB): ("orders.collected", *DECIDED),
    (Act.HAND_OVER, Place.WORKER): carried("appointments.chronicle_arrived"),
    (Act.REMIND, Place.WORKER): (
        *carried("appointments.recheck_reminders"),
        "messaging.claimed",
        "messaging.carried",
        "messaging.recorded",
    ),
}
# What is going on needs somebody to hurry it: as if it were later.
_HURRIED = frozenset({Act.REFUSE, Act.FORGIVE, Act.FAIL, Act.LATE})


@dataclass(frozen=True)
class ShopCell:
    """``victim`` is killed when ``place`` passes ``step`` of the act."""

    act: Act
    place: Place
    step: str
    victim: Victim

    @property
    def is_hurried(self) -> bool:
        return self.act in _HURRIED

    def __str__(self) -> str:
        return f"{self.act}-{self.place}:{self.step}-kills-{self.victim}"


def _all() -> list[ShopCell]:
    """At each step its own process dies, each server, and one of the others."""
    dice, cells = random.Random(6), []
    for (act, place), steps in STEPS.items():
        for step in steps:
            surely = [Victim(place.value), Victim.POSTGRESQL, Victim.VALKEY]
            other = dice.choice([one for one in Victim if one not in surely])
            cells += [ShopCell(act, place, step, victim) for victim in (*surely, other)]
    return cells


ALL = _all()


def few(seed: int, count: int = 3) -> list[ShopCell]:
    """So many different acts, at steps and with victims that the seed chooses."""
    dice = random.Random(seed)
    return [dice.choice([cell for cell in ALL if cell.act is act]) for act in dice.sample(list(Act), k=count)]
