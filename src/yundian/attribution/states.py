"""The life of a credit."""

from enum import StrEnum

from yundian.platform.core.states import Lifecycle


class CreditState(StrEnum):
    """``final``: what the credit is for stands (a group filled); ``reversed``: it came to nothing."""

    PROVISIONAL = "provisional"
    FINAL = "final"
    REVERSED = "reversed"


CREDIT = Lifecycle(
    {
        CreditState.PROVISIONAL: frozenset({CreditState.FINAL, CreditState.REVERSED}),
        CreditState.FINAL: frozenset({CreditState.REVERSED}),
        CreditState.REVERSED: frozenset(),
    }
)
