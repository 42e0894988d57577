"""Distances, bounding boxes and datums. All angles in degrees, all lengths in metres."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import geocoordinates_ffi as geo

from stores.types import Datum, Place, Way

# The mean radius of IUGG: a sphere of it errs at most 0.56 % against the ellipsoid.
EARTH_RADIUS_M = 6_371_008.8
HALF_CIRCUMFERENCE_M = math.pi * EARTH_RADIUS_M

# A seventh place is a centimetre: beyond it a stored coordinate is noise, and imports would never be "unchanged".
_PLACES = 7


@dataclass(frozen=True, slots=True)
class Box:
    """What a circle fits into. ``west > east`` when it crosses the antimeridian."""

    south: float
    north: float
    west: float
    east: float

    @property
    def crosses_antimeridian(self) -> bool:
        return self.west > self.east


def box_around(place: Place, *, radius_m: float) -> Box:
    """The box of all points within the radius: the whole ring of longitudes when a pole is inside."""
    angle = radius_m / EARTH_RADIUS_M
    # A hair wider than the circle, so that rounding never loses a point on its rim.
    reach = math.degrees(angle) * (1 + 1e-9) + 1e-9
    south, north = place.latitude - reach, place.latitude + reach
    if south <= -90 or north >= 90 or angle >= math.pi / 2:
        return Box(max(south, -90.0), min(north, 90.0), -180.0, 180.0)
    widest = math.sin(angle) / math.cos(math.radians(place.latitude))
    if widest >= 1:
        return Box(south, north, -180.0, 180.0)
    aside = math.degrees(math.asin(widest)) * (1 + 1e-9) + 1e-9
    return Box(south, north, _wrapped(place.longitude - aside), _wrapped(place.longitude + aside))


def to_wgs84(*, latitude: float, longitude: float, datum: Datum) -> Place:
    """A point of a Chinese datum as the world measures it; off by half a metre at most."""
    if datum is Datum.GCJ02:
        found = geo.gcj02_to_wgs84_refined(geo.Gcj02(lat=latitude, lon=longitude))
    elif datum is Datum.BD09:
        found = geo.bd09_to_wgs84_refined(geo.Bd09(lat=latitude, lon=longitude))
    else:
        return Place(round(latitude, _PLACES), round(longitude, _PLACES))
    return Place(round(found.lat, _PLACES), round(found.lon, _PLACES))


def from_wgs84(place: Place, *, datum: Datum) -> Place:
    """A stored point as a Chinese map wants it."""
    world = geo.Wgs84(lat=place.latitude, lon=place.longitude)
    if datum is Datum.GCJ02:
        found = geo.wgs84_to_gcj02(world)
    elif datum is Datum.BD09:
        found = geo.wgs84_to_bd09(world)
    else:
        return place
    return Place(round(found.lat, _PLACES), round(found.lon, _PLACES))


def way_to(place: Place, *, name: str, country: str) -> Way:
    """In China by AMap, which opens its app where there is one; elsewhere by Google's maps."""
    if country != "CN":
        asked = urlencode({"api": 1, "destination": f"{place.latitude},{place.longitude}"})
        return Way(
            latitude=place.latitude, longitude=place.longitude, url=f"https://www.google.com/maps/dir/?{asked}"
        )
    there = from_wgs84(place, datum=Datum.GCJ02)
    # A comma would end the name.
    to = f"{there.longitude},{there.latitude},{name.replace(',', ' ')}"
    asked = urlencode({"to": to, "coordinate": "gaode", "src": "yundian", "callnative": 1})
    return Way(latitude=there.latitude, longitude=there.longitude, url=f"https://uri.amap.com/navigation?{asked}")


@dataclass(frozen=True, slots=True)
class Picture:
    """Dots on a canvas of ``width`` x ``height``; dots that fall together are drawn once."""

    width: int
    height: int
    dots: tuple[tuple[int, int], ...]


def picture_of(places: Sequence[Place], *, width: int = 360, height: int = 220, margin: int = 10) -> Picture:
    """Where the places are, north up, seen flat around their middle. Without places there is nothing to see."""
    if not places:
        return Picture(width, height, ())
    south, north = min(p.latitude for p in places), max(p.latitude for p in places)
    west, east = min(p.longitude for p in places), max(p.longitude for p in places)
    shrink = max(math.cos(math.radians((south + north) / 2)), 0.05)
    # A single shop, or one street, is not blown up to fill the canvas.
    span_x, span_y = max((east - west) * shrink, 0.02), max(north - south, 0.02)
    scale = min((width - 2 * margin) / span_x, (height - 2 * margin) / span_y)
    middle_x, middle_y = (west + east) / 2, (south + north) / 2
    dots = {
        (
            round(width / 2 + (p.longitude - middle_x) * shrink * scale),
            round(height / 2 - (p.latitude - middle_y) * scale),
        )
        for p in places
    }
    return Picture(width, height, tuple(sorted(dots)))


def _wrapped(longitude: float) -> float:
    return (longitude + 180.0) % 360.0 - 180.0
