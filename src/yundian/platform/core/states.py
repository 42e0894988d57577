"""State machines as tables: which state may follow which."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Generic, TypeVar

from yundian.platform.core.errors import DomainError

S = TypeVar("S", bound=StrEnum)


class IllegalTransition(DomainError):
    code = "core.illegal_transition"
    title = "Not possible in this state"


class Lifecycle(Generic[S]):
    """The allowed transitions of one kind of thing; states without successors are final."""

    def __init__(self, transitions: Mapping[S, frozenset[S]]) -> None:
        missing = {t for targets in transitions.values() for t in targets} - set(transitions)
        if missing:
            raise ValueError(f"states without a row: {sorted(missing)}")
        self.transitions = transitions

    def check(self, current: S, target: S) -> S:
        """The target if it may follow the current state, else ``IllegalTransition``."""
        if target not in self.transitions[current]:
            raise IllegalTransition(current=current.value, target=target.value)
        return target

    def is_final(self, state: S) -> bool:
        return not self.transitions[state]

    def sources_of(self, target: S) -> list[S]:
        """The states from which the target may be reached: the WHERE of a conditional update."""
        return [state for state, targets in self.transitions.items() if target in targets]
