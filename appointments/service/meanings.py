"""What the words of a file that was looked at mean here: known, said before, or open with a likely answer."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import LookRunning
from appointments.models.surveys import Survey
from appointments.repository import surveys as repository
from appointments.repository import words
from appointments.rules.surveyed import Found, Seen
from appointments.rules.words import NOWHERE, STATES, known_as
from appointments.service import setup
from appointments.service.surveys import FOUND
from appointments.types import ServiceView, StaffView
from stores import api as stores
from stores.types import ShopView
from yundian.platform.core.errors import NotFound
from yundian.platform.db.keys import keyring_of
from yundian.platform.files.service.views import FileView
from yundian.platform.intake import mapping as mappings
from yundian.platform.outbox.door import brand_of

NEW = "new"
# The code of a shop that is made for a list without shops.
UNNAMED = "IMPORT"
# So many words of a kind, the most used first, stand in one part of a look's page.
ASKED = 200
# A longer list of answers is cut to the likeliest.
_CHOICES = 60
_LIKELY = 20
_MOST_SHOPS = 5_000


@dataclass(slots=True)
class Item:
    """A word of a file. ``to``: what HQ said of it before, else what is likely, else ``new`` or nothing.

    ``choices`` are ids (states) with their names, the likeliest first.
    """

    kind: str
    place: int
    seen: Seen
    to: str
    is_said: bool
    choices: list[tuple[str, str]] = field(default_factory=list)
    shop_id: uuid.UUID | None = None
    shop_name: str = ""

    @property
    def name(self) -> str:
        """Of its field in a form: another one once it was said, so that who comes late does not say it again."""
        return f"said-{self.kind}-{self.place}" if self.is_said else f"{self.kind}-{self.place}"

    @property
    def is_nowhere(self) -> bool:
        """The file has no column that says it."""
        return self.seen.said == NOWHERE


@dataclass(slots=True)
class Kind:
    """The words of a kind: open, said before, and how many are known without."""

    open: list[Item] = field(default_factory=list)
    said: list[Item] = field(default_factory=list)
    known: int = 0
    # Of open ones in all, where this is a part of them.
    in_all: int = 0


@dataclass(slots=True)
class Meanings:
    """A look, and what its words mean as things stand now.

    Words keep their places, so that a part holds the same words whatever was said in the meantime.
    """

    survey: Survey
    source: str
    zone: str
    found: Found
    kinds: dict[str, Kind]
    names: dict[str, "Names"]

    @property
    def is_clear(self) -> bool:
        return not any(kind.open for kind in self.kinds.values())

    @property
    def parts(self) -> list[int]:
        """Those in which there is something to say, or something was said."""
        items = [item for kind in self.kinds.values() for item in (*kind.open, *kind.said)]
        return sorted({item.place // ASKED for item in items})

    def next_open(self, after: int = -1) -> int | None:
        """The next part with open words."""
        parts = {item.place // ASKED for kind in self.kinds.values() for item in kind.open}
        return min((part for part in parts if part > after), default=None)

    def part(self, number: int) -> dict[str, Kind]:
        """The words of a part, with what to choose from."""
        return {
            name: Kind(
                open=[self.with_choices(one) for one in kind.open if one.place // ASKED == number],
                said=[self.with_choices(one) for one in kind.said if one.place // ASKED == number],
                known=kind.known,
                in_all=len(kind.open),
            )
            for name, kind in self.kinds.items()
        }

    def with_choices(self, item: Item) -> Item:
        """The same, with what to choose from."""
        if item.kind in self.names:
            item.choices = self.names[item.kind].likely(item.seen.said, but=item.to)
        return item


@dataclass
class Here:
    """What is here: shops, services, people, and what was said of words."""

    shops: dict[uuid.UUID, ShopView]
    services: list[ServiceView]
    people: list[StaffView]
    meant: words.Meant

    def __post_init__(self) -> None:
        self._codes = {one.code: one.id for one in self.shops.values()}
        self._services = {name: one.id for one in self.services for name in (one.code, str(one.id))}
        self._named: dict[tuple[uuid.UUID, str], list[uuid.UUID]] = defaultdict(list)
        for one in self.people:
            for shop_id in one.shop_ids:
                self._named[shop_id, one.display_name.casefold()].append(one.id)
                self._named[shop_id, str(one.id)] = [one.id]

    def shop_of(self, said: str) -> uuid.UUID | None:
        found = self.meant.shops.get(known_as(said))
        return found if found in self.shops else self._codes.get(said)

    def service_of(self, said: str) -> uuid.UUID | None:
        return self._services.get(self.meant.services.get(known_as(said), said))

    def person_of(self, said: str, shop_id: uuid.UUID | None) -> uuid.UUID | None:
        if shop_id is None:
            return None
        means = self.meant.people.get((shop_id, known_as(said)))
        found = self._named.get((shop_id, means or said.casefold()), [])
        return found[0] if len(found) == 1 else None


async def survey_of(session: AsyncSession, view: FileView) -> Survey | None:
    """The look that an uploaded file is for; none of a file that is brought in."""
    if view.upload is None or not view.upload.scope:
        return None
    survey_id = uuid.UUID(view.upload.scope)
    return await repository.get(session, brand_id=brand_of(session), survey_id=survey_id)


async def see(session: AsyncSession, survey: Survey) -> Meanings | None:
    """What was found, and what its words mean now; none while nothing was found, or when it is forgotten."""
    if survey.found is None:
        return None
    found = msgspec.json.decode(keyring_of(session).unseal(FOUND, survey.found), type=Found)
    mapping = mappings.parse(survey.mapping, file="mapping")
    here = await look_around(session, source=mapping.name, found=found)
    rule = mapping.fields.get("starts_at")
    names = {
        "shop": Names((str(one.id), one.name, one.code) for one in here.shops.values()),
        "service": Names((str(one.id), one.name, one.code) for one in here.services),
        "staff": _names_of_people(here),
    }
    kinds = {
        "shop": _shops(found, here, names["shop"]),
        "service": _services(found, here, names["service"]),
        "staff": _people(found, here),
        "state": _states(found, here),
    }
    zone = (rule.zone if rule is not None else None) or ""
    return Meanings(survey, mapping.name, zone, found, kinds, names)


async def see_file(session: AsyncSession, view: FileView) -> Meanings:
    """What the look at an uploaded file found.

    Raises:
        LookRunning: it is still being read.
        NotFound: the file is for no look, could not be read, or what was found is forgotten.
    """
    if view.scope and view.is_live:
        raise LookRunning
    survey = await survey_of(session, view)
    looked = await see(session, survey) if survey is not None else None
    if looked is None:
        raise NotFound
    return looked


async def look_around(session: AsyncSession, *, source: str, found: Found) -> Here:
    """What is here now that words of the file may mean."""
    said = {
        known_as(one.said) for kind in (found.shops, found.services, found.people, found.states) for one in kind
    }
    return Here(
        shops={one.id: one for one in await stores.list_shops(session, limit=_MOST_SHOPS)},
        services=await setup.list_services(session),
        people=await setup.list_staff(session),
        meant=await words.meant(session, source=source, said=said),
    )


def _sorted_out(items: Iterable[Item], known: set[int], said: set[int]) -> Kind:
    kind = Kind()
    for item in items:
        if item.place in said:
            kind.said.append(item)
        elif item.place in known:
            kind.known += 1
        else:
            kind.open.append(item)
    return kind


def _shops(found: Found, here: Here, index: "Names") -> Kind:
    items: list[Item] = []
    known, said = set[int](), set[int]()
    for place, seen in enumerate(found.shops):
        shop_id = here.shop_of(seen.said)
        if shop_id is not None:
            (said if known_as(seen.said) in here.meant.shops else known).add(place)
        only = str(next(iter(here.shops))) if seen.said == NOWHERE and len(here.shops) == 1 else ""
        # Lists that name no shop are of the one that was made for the first of them.
        like = UNNAMED if seen.said == NOWHERE else seen.said
        to = str(shop_id or "") or index.same(like) or only or NEW
        items.append(Item("shop", place, seen, to, place in said))
    return _sorted_out(items, known, said)


def _services(found: Found, here: Here, index: "Names") -> Kind:
    items: list[Item] = []
    known, said = set[int](), set[int]()
    for place, seen in enumerate(found.services):
        service_id = here.service_of(seen.said)
        if service_id is not None:
            (said if known_as(seen.said) in here.meant.services else known).add(place)
        to = str(service_id or "") or index.same(seen.said) or NEW
        items.append(Item("service", place, seen, to, place in said))
    return _sorted_out(items, known, said)


def _names_of_people(here: Here) -> "Names":
    shops = {shop.id: shop.name for shop in here.shops.values()}
    return Names(
        (str(one.id), one.display_name, ", ".join(shops[shop] for shop in one.shop_ids if shop in shops))
        for one in here.people
    )


def _people(found: Found, here: Here) -> Kind:
    shops = {shop.id: shop.name for shop in here.shops.values()}
    spelled = {known_as(one.said): one.said for one in found.shops}
    items: list[Item] = []
    known, said = set[int](), set[int]()
    for place, seen in enumerate(found.people):
        shop_id = here.shop_of(spelled.get(seen.shop, seen.shop))
        staff_id = here.person_of(seen.said, shop_id)
        if staff_id is not None:
            (said if (shop_id, known_as(seen.said)) in here.meant.people else known).add(place)
        item = Item("staff", place, seen, str(staff_id or "") or NEW, place in said, shop_id=shop_id)
        item.shop_name = shops[shop_id] if shop_id is not None else spelled.get(seen.shop, seen.shop)
        items.append(item)
    return _sorted_out(items, known, said)


def _states(found: Found, here: Here) -> Kind:
    items: list[Item] = []
    known, said = set[int](), set[int]()
    for place, seen in enumerate(found.states):
        means = here.meant.states.get(known_as(seen.said))
        if means is not None:
            said.add(place)
        elif known_as(seen.said) in STATES:
            known.add(place)
        items.append(Item("state", place, seen, means or "", place in said))
    return _sorted_out(items, known, said)


class Names:
    """Names to choose from, the most alike first, by the pairs of letters they share."""

    def __init__(self, named: Iterable[tuple[str, str, str]]) -> None:
        self._labels: dict[str, str] = {}
        self._same: dict[str, str] = {}
        self._by_pair: dict[str, set[str]] = defaultdict(set)
        for key, name, more in sorted(named, key=lambda one: (one[1], one[2])):
            self._labels[key] = f"{name} ({more})" if more and more != name else name
            for text in (name, more):
                self._same.setdefault(known_as(text), key)
                for pair in _pairs(text):
                    self._by_pair[pair].add(key)

    @property
    def too_many(self) -> list[str]:
        """All of them, where they are too many to stand beside each word."""
        return list(self._labels.values()) if len(self._labels) > _CHOICES else []

    def called(self, label: str) -> str:
        """Which one of them is listed so; nothing where none is, or several are."""
        found = [key for key, one in self._labels.items() if one == label.strip()]
        return found[0] if len(found) == 1 else ""

    def same(self, said: str) -> str:
        """What is called exactly so."""
        return self._same.get(known_as(said), "")

    def likely(self, said: str, *, but: str) -> list[tuple[str, str]]:
        scores: dict[str, int] = defaultdict(int)
        for pair in _pairs(said):
            for key in self._by_pair.get(pair, ()):
                scores[key] += 1
        alike = sorted(scores, key=lambda key: (-scores[key], self._labels[key]))
        keys: Sequence[str] = alike[:_LIKELY]
        if len(self._labels) <= _CHOICES:
            keys = [*alike, *(key for key in self._labels if key not in scores)]
        if but in self._labels and but not in keys:
            keys = [but, *keys]
        return [(key, self._labels[key]) for key in keys]


def _pairs(text: str) -> set[str]:
    plain = f" {known_as(text)} "
    return {plain[place : place + 2] for place in range(len(plain) - 1)}
