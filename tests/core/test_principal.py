"""What a caller may see follows from her grants alone."""

import pytest

from yundian.platform.core.errors import NotAuthenticated
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import ANONYMOUS, Grant, Principal, PrincipalKind, Role

MINE, OTHER = new_id(), new_id()


def _staff(*grants: Grant) -> Principal:
    return Principal(kind=PrincipalKind.STAFF, brand_id=new_id(), id=new_id(), grants=frozenset(grants))


def test_headquarters_see_every_shop() -> None:
    assert _staff(Grant(Role.HQ_ANALYST)).shops() is None


def test_shop_people_see_the_shops_of_their_grants() -> None:
    person = _staff(Grant(Role.SHOP_OWNER, MINE), Grant(Role.SHOP_STAFF, OTHER))

    assert person.shops() == frozenset({MINE, OTHER})
    assert person.shops(Role.SHOP_OWNER) == frozenset({MINE})


def test_who_has_no_grant_of_the_role_sees_no_shop() -> None:
    assert _staff(Grant(Role.SHOP_STAFF, MINE)).shops(Role.SHOP_OWNER) == frozenset()
    assert _staff(Grant(Role.HQ_ADMIN)).shops(Role.SHOP_OWNER) == frozenset()
    assert ANONYMOUS.shops() == frozenset()


def test_an_anonymous_caller_has_neither_brand_nor_id() -> None:
    assert not ANONYMOUS.is_authenticated
    with pytest.raises(RuntimeError, match="guard"):
        _ = ANONYMOUS.brand
    with pytest.raises(NotAuthenticated):
        _ = ANONYMOUS.own_id
