"""A small map of what is near: no tiles, only where the shops lie as seen from where somebody stands."""

import math
from collections.abc import Sequence

from stores.rules.places import EARTH_RADIUS_M
from stores.types import Mark, Place, Ring, Sketch

WIDTH, HEIGHT = 328, 230
# Half a finger: marks are pushed apart until each can be tapped.
_REACH, _EDGE = 13.0, 18.0
_LEAST_M = 150.0
# What belongs on the picture: a city around her, or what is not much farther than the nearest.
_NEAR_M, _FAR = 5_000.0, 6
_STEPS = 24


def sketch(here: Place, places: Sequence[Place | None]) -> Sketch:
    """Marks numbered like the list, the nearest first. What lies far behind the others is left off the picture."""
    found = [(number, *_offset(here, place)) for number, place in enumerate(places, start=1) if place is not None]
    distances = [math.hypot(east, north) for _, east, north in found]
    if not found:
        return Sketch(width=WIDTH, height=HEIGHT, marks=(), rings=())
    # One shop at the other end of the country would press all others into one dot.
    farthest = max(_FAR * min(distances), _NEAR_M)
    shown = [one for one, distance in zip(found, distances, strict=True) if distance <= farthest]
    span = max(max(abs(e) / (WIDTH / 2 - _EDGE), abs(n) / (HEIGHT / 2 - _EDGE)) for _, e, n in shown)
    metres = max(span, _LEAST_M / (HEIGHT / 2))
    points = [(WIDTH / 2 + east / metres, HEIGHT / 2 - north / metres) for _, east, north in shown]
    marks = tuple(
        Mark(number=number, x=round(x, 1), y=round(y, 1))
        for (number, _e, _n), (x, y) in zip(shown, _apart(points), strict=True)
    )
    return Sketch(width=WIDTH, height=HEIGHT, marks=marks, rings=_rings(metres))


def _offset(here: Place, place: Place) -> tuple[float, float]:
    """Metres to the east and to the north, as on a flat sheet."""
    aside = math.radians((place.longitude - here.longitude + 180) % 360 - 180)
    north = math.radians(place.latitude - here.latitude) * EARTH_RADIUS_M
    return aside * math.cos(math.radians((place.latitude + here.latitude) / 2)) * EARTH_RADIUS_M, north


def _apart(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Where they are, or as near to it as leaves room for each, and for her who stands in the middle."""
    moved = list(points)
    for _ in range(_STEPS):
        for at, point in enumerate(moved):
            others = [(WIDTH / 2, HEIGHT / 2), *moved[:at], *moved[at + 1 :]]
            moved[at] = _beside(point, others)
    return moved


def _beside(point: tuple[float, float], others: Sequence[tuple[float, float]]) -> tuple[float, float]:
    x, y = point
    for nth, (other_x, other_y) in enumerate(others):
        gap = math.hypot(x - other_x, y - other_y)
        if gap < 2 * _REACH:
            turn = math.atan2(y - other_y, x - other_x) if gap > 0.1 else nth
            x += math.cos(turn) * (2 * _REACH - gap) / 2
            y += math.sin(turn) * (2 * _REACH - gap) / 2
    return min(max(x, _EDGE), WIDTH - _EDGE), min(max(y, _EDGE), HEIGHT - _EDGE)


def _rings(metres: float) -> tuple[Ring, ...]:
    """One or two round distances around the middle."""
    most = HEIGHT / 2 * 0.92 * metres
    steps = [base * 10**power for power in range(1, 8) for base in (1, 2, 5)]
    fitting = [step for step in steps if most / 3 < step <= most][-2:]
    return tuple(Ring(radius=round(step / metres, 1), metres=step) for step in fitting)
