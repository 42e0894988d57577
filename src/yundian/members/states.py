"""The life of a member."""

from enum import StrEnum

from yundian.platform.core.states import Lifecycle


class MemberStatus(StrEnum):
    ACTIVE = "active"
    CLOSED = "closed"


MEMBER = Lifecycle(
    {
        MemberStatus.ACTIVE: frozenset({MemberStatus.CLOSED}),
        MemberStatus.CLOSED: frozenset({MemberStatus.ACTIVE}),
    }
)
