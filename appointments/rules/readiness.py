"""What keeps customers from booking in a shop: the next thing that HQ has to do there."""

from collections.abc import Collection
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


class Steps(msgspec.Struct, frozen=True, kw_only=True):
    """What a brand has done so that customers can book somewhere."""

    has_shops: bool
    has_services: bool
    has_people: bool
    has_chairs: bool
    can_book: bool


def steps(shops: Collection[Counts], *, has_services: bool) -> Steps:
    """A step is done when it is done in one shop; ``can_book`` when all of them are, in the same."""
    return Steps(
        has_shops=any(one.is_in_business and one.has_hours for one in shops),
        has_services=has_services,
        has_people=any(one.planned and one.performed for one in shops),
        has_chairs=any(one.offered for one in shops),
        can_book=any(not lacks(one) for one in shops),
    )
