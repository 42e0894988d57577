"""What may die, where, while money moves: the cells of the matrix, and the few that stand for them all."""

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from yundian.payments.types import Provider


class Place(StrEnum):
    """Whose step it is."""

    WEB = "web"
    WORKER = "worker"
    SANDBOX = "sandbox"


class Victim(StrEnum):
    WEB = "web"
    WORKER = "worker"
    POSTGRESQL = "postgresql"
    VALKEY = "valkey"
    SANDBOX = "sandbox"


class Blow(Protocol):
    """``victim`` is killed when ``place`` passes ``step``."""

    @property
    def place(self) -> Place: ...

    @property
    def step(self) -> str: ...

    @property
    def victim(self) -> Victim: ...

    @property
    def is_hurried(self) -> bool:
        """Whether whoever is to be caught comes by only when it is as if it were later."""
        ...


class Flow(StrEnum):
    """What somebody is about when it happens."""

    START = "start"  # the payer asks for a code
    NOTICE = "notice"  # she pays and the provider says so
    RETURN = "return"  # she pays, the notice is lost, her browser comes back
    LOOK = "look"  # she pays, the notice is lost, the sweeper asks
    CLOSE = "close"  # it is called off
    REFUND = "refund"  # the money goes back, whole or in part


_ASK = (
    "payments.attempts_claimed",
    "payments.attempts_answered",
    "payments.captured",
    "payments.attempts_recorded",
)
STEPS: dict[tuple[Flow, Place], tuple[str, ...]] = {
    (Flow.START, Place.WEB): (
        "payments.attempt_stored",
        "payments.started_at_provider",
        "payments.start_recorded",
    ),
    (Flow.NOTICE, Place.SANDBOX): ("sandbox.paying", "sandbox.notice.sent"),
    (Flow.NOTICE, Place.WEB): ("payments.notice_stored",),
    (Flow.NOTICE, Place.WORKER): (
        "payments.captured",
        "outbox.recorded",
        "payments.notice_handled",
        "courier.done",
    ),
    (Flow.RETURN, Place.WEB): _ASK,
    (Flow.LOOK, Place.WORKER): (*_ASK, "outbox.recorded"),
    (Flow.CLOSE, Place.WORKER): (
        "payments.attempts_claimed",
        "payments.closing_at_provider",
        "payments.closed_at_provider",
        "payments.attempts_answered",
        "payments.attempts_recorded",
        "outbox.recorded",
    ),
    (Flow.REFUND, Place.WORKER): (
        "payments.refund_claimed",
        "payments.refund_sent",
        "payments.refund_answered",
        "payments.refund_settled",
        "outbox.recorded",
        "payments.refund_recorded",
    ),
}


@dataclass(frozen=True)
class Cell:
    """``victim`` is killed when ``place`` passes ``step`` of the flow."""

    flow: Flow
    provider: Provider
    place: Place
    step: str
    victim: Victim

    @property
    def is_hurried(self) -> bool:
        # WeChat tells how a refund ended when it is asked again.
        return self.flow is Flow.REFUND

    def __str__(self) -> str:
        return f"{self.flow}-{self.provider}-{self.place}:{self.step}-kills-{self.victim}"


ALL = [
    Cell(flow, provider, place, step, victim)
    for (flow, place), steps in STEPS.items()
    for step in steps
    for provider in Provider
    for victim in Victim
]


def few(seed: int) -> list[Cell]:
    """A cover: every flow at each of its places, every victim, both providers, at steps the seed chooses."""
    dice = random.Random(seed)
    victims, providers, scenes = list(Victim), list(Provider), list(STEPS)
    for each in (victims, providers, scenes):
        dice.shuffle(each)
    chosen = []
    for number, (flow, place) in enumerate(scenes):
        victim = victims[number] if number < len(victims) else Victim(place.value)
        chosen.append(Cell(flow, providers[number % 2], place, dice.choice(STEPS[flow, place]), victim))
    return chosen
