"""What may die, where, while somebody books, pays, moves and cancels an appointment."""

import random
from dataclasses import dataclass
from enum import StrEnum

from tests.faults.cells import Place, Victim
from tests.faults.main_cells import carried


class VisitAct(StrEnum):
    """What is going on when it happens; each visit comes to its end after it."""

    BOOK = "book"  # a time is held and its payment opened
    PAY = "pay"  # the deposit arrives: it is booked
    MOVE = "move"  # what is paid goes to another time
    CANCEL = "cancel"  # it is given back in time: so is the deposit
    LAPSE = "lapse"  # nobody pays: the time is free again
    LATE = "late"  # the time to pay is up in the moment in which she pays


DECIDED = ("appointments.decided", "appointments.committed")
_REFUND = tuple(f"payments.refund_{step}" for step in ("claimed", "sent", "answered", "settled", "recorded"))
_CLOSE = ("payments.attempts_claimed", "payments.closing_at_provider", "payments.attempts_recorded")
STEPS: dict[tuple[VisitAct, Place], tuple[str, ...]] = {
    (VisitAct.BOOK, Place.WEB): DECIDED,
    (VisitAct.BOOK, Place.WORKER): carried("appointments.watch_hold"),
    (VisitAct.PAY, Place.SANDBOX): ("sandbox.paying", "sandbox.notice.sent"),
    (VisitAct.PAY, Place.WEB): ("payments.notice_stored",),
    (VisitAct.PAY, Place.WORKER): (
        "payments.captured",
        *carried("appointments.take_deposit", "appointments.watch_arrival", "appointments.chronicle_confirmed"),
    ),
    (VisitAct.MOVE, Place.WEB): DECIDED,
    (VisitAct.MOVE, Place.WORKER): carried("appointments.watch_arrival"),
    (VisitAct.CANCEL, Place.WEB): DECIDED,
    (VisitAct.CANCEL, Place.WORKER): (
        *carried("appointments.tell_cancelled"),
        *_REFUND,
        *carried("appointments.note_refund"),
    ),
    (VisitAct.LAPSE, Place.WORKER): (
        "timer.applied",
        "timer.committed",
        *carried("appointments.free_unpaid", "appointments.lapse_offer"),
    ),
    (VisitAct.LATE, Place.WORKER): ("timer.committed", *_CLOSE),
}


@dataclass(frozen=True)
class VisitCell:
    """``victim`` is killed when ``place`` passes ``step`` of the act."""

    act: VisitAct
    place: Place
    step: str
    victim: Victim

    @property
    def is_hurried(self) -> bool:
        return self.act in (VisitAct.CANCEL, VisitAct.LAPSE, VisitAct.LATE)

    def __str__(self) -> str:
        return f"{self.act}-{self.place}:{self.step}-kills-{self.victim}"


ALL = [
    VisitCell(act, place, step, victim)
    for (act, place), steps in STEPS.items()
    for step in steps
    for victim in Victim
]


def few(seed: int) -> list[VisitCell]:
    """Somebody books, pays, moves, cancels or does nothing, and one of five dies."""
    dice = random.Random(seed)
    scene = dice.choice(list(STEPS))
    return [VisitCell(*scene, dice.choice(STEPS[scene]), dice.choice(list(Victim)))]
