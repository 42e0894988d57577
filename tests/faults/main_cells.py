"""What may die, where, while a group-buy goes its way: the cells, and the few that stand for them all."""

import random
from dataclasses import dataclass
from enum import StrEnum

from tests.faults.cells import Place, Victim


class Act(StrEnum):
    """What is going on when it happens; each group comes to its end after it."""

    OPEN = "open"  # the first buyer opens a group
    JOIN = "join"  # the second takes its last seat
    START = "start"  # the second asks for a code to pay by
    FILL = "fill"  # the second pays: the group is full, and all that follows from it
    LAPSE = "lapse"  # the second never comes: the time is up, and the first gets her money back


CHECKOUT = ("groupbuy.seat_taken", "groupbuy.seat_committed")
FILLING = ("groupbuy.take_money", "reports.book_payments", "members.note_paid", "groupbuy.release_orders")
RELEASED = ("reports.book_sales", "members.note_released")
REFUNDED = ("groupbuy.give_back", "groupbuy.take_back", "reports.book_refunds", "members.note_refunded")


def carried(*subscribers: str) -> tuple[str, ...]:
    """Before and after the effect of each and its ``done`` are there together."""
    return tuple(f"courier.{when}@{name}" for name in subscribers for when in ("applied", "committed"))


STEPS: dict[tuple[Act, Place], tuple[str, ...]] = {
    (Act.OPEN, Place.WEB): CHECKOUT,
    (Act.JOIN, Place.WEB): CHECKOUT,
    (Act.START, Place.WEB): (
        "payments.attempt_stored",
        "payments.started_at_provider",
        "payments.start_recorded",
    ),
    (Act.FILL, Place.SANDBOX): ("sandbox.paying", "sandbox.notice.sent"),
    (Act.FILL, Place.WEB): ("payments.notice_stored",),
    (Act.FILL, Place.WORKER): (
        "payments.captured",
        "payments.notice_handled",
        "orders.paid",
        "groupbuy.seats_paid",
        "groupbuy.filled",
        "orders.released",
        "groupbuy.released",
        *carried(*FILLING, *RELEASED),
    ),
    (Act.LAPSE, Place.WORKER): (
        "groupbuy.ended",
        "timer.committed",
        "orders.cancelled",
        "groupbuy.refunds_asked",
        "payments.refund_claimed",
        "payments.refund_sent",
        "payments.refund_answered",
        "payments.refund_recorded",
        "payments.refund_settled",
        "orders.refunded",
        *carried(*REFUNDED),
    ),
}


@dataclass(frozen=True)
class MainCell:
    """``victim`` is killed when ``place`` passes ``step`` of the act."""

    act: Act
    place: Place
    step: str
    victim: Victim

    @property
    def is_hurried(self) -> bool:
        return self.act is Act.LAPSE

    def __str__(self) -> str:
        return f"{self.act}-{self.place}:{self.step}-kills-{self.victim}"


ALL = [
    MainCell(act, place, step, victim)
    for (act, place), steps in STEPS.items()
    for step in steps
    for victim in Victim
]


def few(seed: int) -> list[MainCell]:
    """Somebody takes a seat, and one of five dies; the stories of ``story_cells`` do the rest of the way."""
    dice = random.Random(seed)
    scene = dice.choice([(Act.OPEN, Place.WEB), (Act.JOIN, Place.WEB)])
    return [MainCell(*scene, dice.choice(STEPS[scene]), dice.choice(list(Victim)))]
