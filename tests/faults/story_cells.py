"""Stories of more than one step: deaths at dusk (a group's time is up), over late money, one after another."""

import random
from dataclasses import dataclass
from enum import StrEnum

from groupbuy.states import LatePolicy
from tests.faults.cells import Place, Victim
from tests.faults.main_cells import STEPS as WAY
from tests.faults.main_cells import Act, carried
from yundian.payments.types import Provider


class Story(StrEnum):
    DUSK = "dusk"  # the time is up while the second is paying
    LATE = "late"  # the second pays when her group is over
    TWICE = "twice"  # the web dies, and then whoever carries on


@dataclass(frozen=True)
class Death:
    """``victim`` is killed when ``place`` passes ``step``; ``act`` is what is going on, where it matters."""

    place: Place
    step: str
    victim: Victim
    act: Act = Act.FILL
    is_hurried: bool = True

    def __str__(self) -> str:
        return f"{self.place}:{self.step}-kills-{self.victim}"


@dataclass(frozen=True)
class StoryCell:
    story: Story
    deaths: tuple[Death, ...]
    second_by: Provider = Provider.ALIPAY
    late_policy: LatePolicy = LatePolicy.OPEN_NEW_GROUP

    def __str__(self) -> str:
        how = self.late_policy if self.story is Story.LATE else self.second_by
        return "-".join([self.story, how, *map(str, self.deaths)])


DUSK = (
    "timer.applied",
    "timer.committed",
    "payments.attempts_claimed",
    "payments.closing_at_provider",
    "payments.closed_at_provider",
    "payments.attempts_answered",
    "payments.attempts_recorded",
    "orders.closed",
    "groupbuy.seats_released",
    "groupbuy.ended",
    *carried("orders.apply_close", "groupbuy.release_seats", "groupbuy.give_back"),
)
_HEARING = (
    (Place.SANDBOX, "sandbox.paying"),
    (Place.SANDBOX, "sandbox.notice.sent"),
    (Place.WEB, "payments.notice_stored"),
    (Place.WORKER, "payments.notice_handled"),
    *((Place.WORKER, step) for step in carried("payments.handle_notice", "groupbuy.place_late_money")),
)
_SEATED = ((Place.WORKER, "payments.adopted"), (Place.WORKER, "groupbuy.late_money_placed"))
_BACK = tuple(
    (Place.WORKER, f"payments.refund_{step}") for step in ("claimed", "sent", "answered", "settled", "recorded")
)
LATE: dict[LatePolicy, tuple[tuple[Place, str], ...]] = {
    LatePolicy.OPEN_NEW_GROUP: (*_HEARING, *_SEATED),
    LatePolicy.JOIN_OTHER_GROUP: (*_HEARING, *_SEATED),
    LatePolicy.REFUND: (*_HEARING, *_BACK),
}
FIRST_DEATHS = tuple(
    Death(place, step, Victim.WEB, act)
    for (act, place), steps in WAY.items()
    if place is Place.WEB
    for step in steps
)
FILLING = WAY[Act.FILL, Place.WORKER]


def _dusk(step: str, victim: Victim, provider: Provider) -> StoryCell:
    return StoryCell(Story.DUSK, (Death(Place.WORKER, step, victim),), second_by=provider)


def _late(policy: LatePolicy, place: Place, step: str, victim: Victim) -> StoryCell:
    return StoryCell(Story.LATE, (Death(place, step, victim),), late_policy=policy)


def _twice(first: Death, step: str, victim: Victim) -> StoryCell:
    return StoryCell(Story.TWICE, (first, Death(Place.WORKER, step, victim)))


def _all() -> list[StoryCell]:
    """The worker dies at each step of dusk with each provider; late money meets its own process's death and one
    other's at each step; each pair of first death and second step, the web's and the worker's."""
    dice = random.Random(4)
    own = {Place.SANDBOX: Victim.SANDBOX, Place.WEB: Victim.WEB, Place.WORKER: Victim.WORKER}
    cells = [_dusk(step, Victim.WORKER, provider) for step in DUSK for provider in Provider]
    for policy, steps in LATE.items():
        for place, step in steps:
            other = dice.choice([one for one in Victim if one is not own[place]])
            cells += [_late(policy, place, step, victim) for victim in (own[place], other)]
    heard = FIRST_DEATHS[-1]
    cells += [_twice(heard, step, Victim.WORKER) for step in FILLING]
    for first in FIRST_DEATHS[:-1]:
        cells += [_twice(first, step, dice.choice(list(Victim))) for step in dice.sample(FILLING, k=3)]
    return cells


ALL = _all()


def few(seed: int) -> list[StoryCell]:
    """One of each story."""
    dice = random.Random(seed)
    return [dice.choice([cell for cell in ALL if cell.story is story]) for story in Story]
