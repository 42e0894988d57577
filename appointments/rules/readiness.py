"""What keeps customers from booking in a shop: the next thing that HQ has to do there."""

from enum import StrEnum

import msgspec


class Lack(StrEnum):
    CLOSED = "closed"
    HOURS = "hours"
    PEOPLE = "people"
    WEEK = "week"
    SERVICES = "services"
    CHAIRS = "chairs"


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What is set up in a shop. ``performed`` services somebody can do there, ``offered`` have a chair as well."""

    is_in_business: bool
    has_hours: bool
    people: int
    planned: int
    chairs: int
    performed: int
    offered: int


def lacks(counts: Counts) -> list[Lack]:
    """Everything that is missing, in the order in which it is set up; nothing: customers can book."""
    missing = {
        Lack.CLOSED: not counts.is_in_business,
        Lack.HOURS: not counts.has_hours,
        Lack.PEOPLE: not counts.people,
        Lack.WEEK: counts.people > 0 and not counts.planned,
        Lack.SERVICES: counts.people > 0 and not counts.performed,
        Lack.CHAIRS: counts.performed > 0 and not counts.offered,
    }
    return [lack for lack, is_missing in missing.items() if is_missing]
