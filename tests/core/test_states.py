"""State machines: what may follow what."""

from enum import StrEnum

import pytest

from yundian.platform.core.states import IllegalTransition, Lifecycle


class Light(StrEnum):
    RED = "red"
    GREEN = "green"
    BROKEN = "broken"


LIGHT = Lifecycle(
    {
        Light.RED: frozenset({Light.GREEN, Light.BROKEN}),
        Light.GREEN: frozenset({Light.RED, Light.BROKEN}),
        Light.BROKEN: frozenset(),
    }
)


@pytest.mark.parametrize("current", Light)
@pytest.mark.parametrize("target", Light)
def test_exactly_the_listed_transitions_are_allowed(current: Light, target: Light) -> None:
    if target in LIGHT.transitions[current]:
        assert LIGHT.check(current, target) is target
    else:
        with pytest.raises(IllegalTransition) as refusal:
            LIGHT.check(current, target)
        assert refusal.value.facts == {"current": current.value, "target": target.value}


def test_a_state_without_successors_is_final() -> None:
    assert [state for state in Light if LIGHT.is_final(state)] == [Light.BROKEN]


def test_the_sources_of_a_state_are_what_a_conditional_update_asks_for() -> None:
    assert LIGHT.sources_of(Light.BROKEN) == [Light.RED, Light.GREEN]
    assert LIGHT.sources_of(Light.GREEN) == [Light.RED]


def test_a_state_that_nobody_described_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="without a row"):
        Lifecycle({Light.RED: frozenset({Light.GREEN})})
