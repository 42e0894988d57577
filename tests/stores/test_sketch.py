"""The small map of shops around a customer."""

import math
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stores.rules.places import EARTH_RADIUS_M, to_wgs84, way_to
from stores.rules.sketch import HEIGHT, WIDTH, sketch
from stores.types import Datum, Place

HERE = Place(31.23, 121.47)
PLACES = st.lists(
    st.one_of(st.none(), st.builds(Place, st.floats(31.0, 31.5), st.floats(121.2, 121.8)), st.just(HERE)),
    max_size=8,
)


def test_what_is_north_is_up_what_is_east_is_right_and_a_ring_is_as_wide_as_it_says() -> None:
    found = sketch(HERE, [Place(31.25, 121.47), None, Place(31.23, 121.50)])

    (north, east) = found.marks
    assert (north.number, east.number) == (1, 3)
    assert north.x == pytest.approx(WIDTH / 2, abs=0.2)
    assert north.y < HEIGHT / 2 - 40
    assert east.y == pytest.approx(HEIGHT / 2, abs=0.2)
    assert east.x > WIDTH / 2 + 40
    metres = distance_m(HERE, Place(31.25, 121.47)) / (HEIGHT / 2 - north.y)
    assert {ring.metres for ring in found.rings} == {1000, 2000}
    assert all(ring.radius == pytest.approx(ring.metres / metres, rel=0.02) for ring in found.rings)


def test_a_shop_at_the_other_end_of_the_country_does_not_press_the_others_into_a_dot() -> None:
    near = [Place(31.23 + step / 100, 121.47) for step in (1, 2, 3)]

    found = sketch(HERE, [*near, Place(39.9, 116.4)])

    assert [mark.number for mark in found.marks] == [1, 2, 3]
    assert HEIGHT / 2 - found.marks[2].y > 80


@given(PLACES)
def test_every_mark_lies_on_the_picture_and_keeps_its_number(places: list[Place | None]) -> None:
    found = sketch(HERE, places)

    known = [number for number, place in enumerate(places, start=1) if place is not None]
    assert [mark.number for mark in found.marks] == [number for number in known if number in _numbers(found)]
    assert all(0 < mark.x < WIDTH and 0 < mark.y < HEIGHT for mark in found.marks)
    assert len(found.marks) >= min(len(known), 1)


def test_shops_in_one_house_can_each_be_tapped() -> None:
    marks = sketch(HERE, [HERE] * 6).marks

    gaps = [math.dist((a.x, a.y), (b.x, b.y)) for a in marks for b in marks if a.number < b.number]
    assert min(gaps) > 20


def test_the_way_is_told_in_the_datum_of_the_countrys_maps() -> None:
    china = way_to(HERE, name="黛汀, 静安", country="CN")
    abroad = way_to(Place(48.85, 2.35), name="Paris", country="FR")

    longitude, latitude, name = parse_qs(urlsplit(china.url).query)["to"][0].split(",")
    assert name == "黛汀  静安"
    back = to_wgs84(latitude=float(latitude), longitude=float(longitude), datum=Datum.GCJ02)
    assert distance_m(back, HERE) < 1
    assert distance_m(Place(china.latitude, china.longitude), HERE) > 300
    assert parse_qs(urlsplit(abroad.url).query)["destination"] == ["48.85,2.35"]


def distance_m(one: Place, other: Place) -> float:
    north = math.radians(one.latitude - other.latitude)
    east = math.radians(one.longitude - other.longitude) * math.cos(math.radians(one.latitude))
    return math.hypot(north, east) * EARTH_RADIUS_M


def _numbers(found: object) -> set[int]:
    return {mark.number for mark in found.marks}  # type: ignore[attr-defined]
