"""Boxes, distances and datums."""

import math

from hypothesis import given
from hypothesis import strategies as st

from stores.rules.places import EARTH_RADIUS_M, HALF_CIRCUMFERENCE_M, box_around, from_wgs84, to_wgs84
from stores.types import Datum, Place

latitudes = st.floats(-90, 90)
longitudes = st.floats(-180, 180)
places = st.builds(Place, latitudes, longitudes)


def distance_m(a: Place, b: Place) -> float:
    """By vectors, not by the haversine: the angle between two points seen from the middle of the earth."""

    def vector(p: Place) -> tuple[float, float, float]:
        lat, lon = math.radians(p.latitude), math.radians(p.longitude)
        return math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)

    (ax, ay, az), (bx, by, bz) = vector(a), vector(b)
    cross = math.hypot(ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx)
    return EARTH_RADIUS_M * math.atan2(cross, ax * bx + ay * by + az * bz)


@given(center=places, point=places, radius_m=st.floats(1, HALF_CIRCUMFERENCE_M))
def test_a_box_holds_every_point_of_its_circle(center: Place, point: Place, radius_m: float) -> None:
    if distance_m(center, point) > radius_m:
        return

    box = box_around(center, radius_m=radius_m)

    assert box.south <= point.latitude <= box.north
    if box.crosses_antimeridian:
        assert point.longitude >= box.west or point.longitude <= box.east
    else:
        assert box.west <= point.longitude <= box.east or abs(point.longitude) == 180


def test_boxes_at_the_edges_of_the_map() -> None:
    fiji = box_around(Place(-17.0, 179.9), radius_m=100_000)
    assert fiji.crosses_antimeridian
    assert fiji.west > 178
    assert fiji.east < -178
    pole = box_around(Place(89.9, 10.0), radius_m=50_000)
    assert (pole.north, pole.west, pole.east) == (90.0, -180.0, 180.0)


@given(latitude=st.floats(20, 50), longitude=st.floats(80, 130), datum=st.sampled_from([Datum.GCJ02, Datum.BD09]))
def test_a_chinese_datum_goes_there_and_back(latitude: float, longitude: float, datum: Datum) -> None:
    world = to_wgs84(latitude=latitude, longitude=longitude, datum=datum)

    again = from_wgs84(world, datum=datum)

    assert distance_m(again, Place(latitude, longitude)) < 1


def test_the_datums_differ_by_hundreds_of_metres_in_china_and_not_elsewhere() -> None:
    bund = Place(31.2397, 121.4998)
    assert 300 < distance_m(bund, from_wgs84(bund, datum=Datum.GCJ02)) < 700
    paris = Place(48.8584, 2.2945)
    assert from_wgs84(paris, datum=Datum.GCJ02) == paris
    assert to_wgs84(latitude=31.2, longitude=121.5, datum=Datum.WGS84) == Place(31.2, 121.5)
