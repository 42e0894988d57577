"""HQ says what the words of a file mean; what is new is made as a draft, and the file is brought in.

What is said and made is one transaction, the file's way in another: whoever is interrupted between them says it
again, and nothing is made twice.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import CodeTaken
from appointments.models.setup import StaffShop
from appointments.models.surveys import ImportDraft
from appointments.repository import surveys as repository
from appointments.repository import words
from appointments.repository.words import NOWHERE, Word
from appointments.rules.layouts import FIELDS, MOMENTS, Layout
from appointments.rules.surveyed import Seen
from appointments.rules.words import STATES, known_as
from appointments.service import meanings, planned, setup
from appointments.service.imports import FILES
from appointments.service.meanings import NEW, Item, Meanings
from appointments.states import SpanKind, Status
from appointments.types import PlanLine, ServiceFields, StaffFields
from stores import api as stores
from stores.errors import ShopCodeTaken
from stores.types import Interval, ShopFields
from yundian.brands import api as brands
from yundian.platform.core import clock
from yundian.platform.core.errors import InvalidInput, NotFound
from yundian.platform.core.ids import new_id
from yundian.platform.core.steps import step
from yundian.platform.db.database import Tx
from yundian.platform.files.service import uploads
from yundian.platform.outbox.door import brand_of

_USUAL_MIN = 60
_LONGEST_NAME = 80
_DAY = 1440


@dataclass(frozen=True, slots=True)
class Answer:
    """What HQ says of a word: ``to`` is an id (a state), ``new``, or empty: its rows are held back.

    ``code``, ``name`` and ``minutes`` are those of something new.
    """

    to: str
    code: str = ""
    name: str = ""
    minutes: int | None = None


def corrected(
    looked: Meanings,
    *,
    name: str,
    zone: str,
    state: str,
    columns: Mapping[str, list[str]],
    formats: Mapping[str, str],
) -> Layout:
    """Which column is which, as HQ says; columns that the file does not have are left out.

    Raises:
        NotFound: it was read with a mapping of its own.
        InvalidInput: the zone, the state or the name cannot be used.
    """
    first = looked.found.layout
    if first is None:
        raise NotFound
    if zone not in stores.time_zones():
        raise InvalidInput("zone", "not a time zone like Asia/Shanghai")
    if state not in STATES.values():
        raise InvalidInput("state", "choose one of the list")
    if not 0 < len(name.strip()) <= _LONGEST_NAME:
        raise InvalidInput("name", "must not be empty")
    chosen = {
        each: found
        for each in FIELDS
        if (found := [one for one in columns.get(each, ()) if one in looked.found.header])
    }
    written = {each: [text] for each in MOMENTS if each in chosen and (text := formats.get(each))}
    return Layout(name=name.strip(), zone=zone, columns=chosen, formats=written, state=state, source=first.source)


@dataclass(slots=True)
class _Work:
    """What is made and said on the way; ``shops`` by the word for them."""

    session: AsyncSession
    looked: Meanings
    answers: Mapping[str, Answer]
    zone: str
    said: list[Word] = field(default_factory=list)
    unsaid: list[Word] = field(default_factory=list)
    drafts: int = 0

    def answer(self, item: Item) -> Answer:
        return self.answers.get(item.name, Answer(item.to if item.is_said else ""))

    def say(self, item: Item, means: str, within: uuid.UUID = NOWHERE) -> None:
        said = known_as(item.seen.said)
        if means:
            self.said.append(Word(item.kind, said, means, within))
        elif item.is_said:
            self.unsaid.append(Word(item.kind, said, within=within))

    def made(self, kind: str, made_id: uuid.UUID, seen: Seen) -> str:
        draft = ImportDraft(
            brand_id=brand_of(self.session), made_id=made_id, kind=kind, survey_id=self.looked.survey.id,
            created_at=clock.now(), rows=seen.rows, first_day=seen.first, last_day=seen.last,
        )  # fmt: skip
        self.session.add(draft)
        self.drafts += 1
        return str(made_id)


async def say(
    session: AsyncSession, *, survey_id: uuid.UUID, answers: Mapping[str, Answer], account_id: uuid.UUID | None
) -> int:
    """Keep what the words mean, and make what is new as drafts, which nobody can book. How many were made.

    Words that somebody said the meaning of in the meantime are left as they are.

    Raises:
        NotFound: what was found is forgotten.
        InvalidInput: the answer to a word cannot be used; the field is the word's.
    """
    survey = await repository.get(session, brand_id=brand_of(session), survey_id=survey_id)
    first = await meanings.see(session, survey) if survey is not None else None
    if survey is None or first is None:
        raise NotFound
    await words.lock(session, source=first.source)
    # What it means now that nobody else says anything.
    looked = await meanings.see(session, survey) or first
    work = _Work(session, looked, answers, zone=looked.zone or await brands.zone_of(session))
    await _say_shops(work)
    await _say_services(work)
    # People stand in shops, and with services, that may have come a moment ago.
    await _keep(work, account_id)
    await _say_people(work)
    _say_states(work)
    await _keep(work, account_id)
    return work.drafts


async def bring_in(
    tx: Tx, *, upload_id: uuid.UUID, survey_id: uuid.UUID, account_id: uuid.UUID | None
) -> uuid.UUID:
    """Have the file brought in as it was looked at, once: the upload that does it.

    Raises ``UploadGone`` when its bytes were removed.
    """
    return await _follow(tx, upload_id=upload_id, survey_id=survey_id, mapping=None, account_id=account_id)


async def look_again(
    tx: Tx, *, upload_id: uuid.UUID, survey_id: uuid.UUID, mapping: str, account_id: uuid.UUID | None
) -> uuid.UUID:
    """Have the file looked at with another mapping: the upload that does it. ``BadMapping``, ``UploadGone``."""
    return await _follow(tx, upload_id=upload_id, survey_id=survey_id, mapping=mapping, account_id=account_id)


async def look_at(tx: Tx, *, upload_id: uuid.UUID, mapping: str, account_id: uuid.UUID | None) -> uuid.UUID:
    """Have a file that was brought in looked at, for words that are still open. ``UploadGone``."""
    return await uploads.take_with(
        tx, kind=FILES, upload_id=upload_id, scope=new_id().hex, mapping=mapping, account_id=account_id
    )


async def _follow(
    tx: Tx, *, upload_id: uuid.UUID, survey_id: uuid.UUID, mapping: str | None, account_id: uuid.UUID | None
) -> uuid.UUID:
    found = await repository.lock(tx, survey_id=survey_id)
    if found is None:
        raise NotFound
    if found.next_upload_id is not None:
        return found.next_upload_id
    made = await uploads.take_with(
        tx,
        kind=FILES,
        upload_id=upload_id,
        scope="" if mapping is None else new_id().hex,
        mapping=found.mapping if mapping is None else mapping,
        account_id=account_id,
    )
    await repository.follow(tx, survey_id=survey_id, upload_id=made, is_import=mapping is None)
    step("appointments.followed")
    return made


async def _keep(work: _Work, account_id: uuid.UUID | None) -> None:
    now, source = clock.now(), work.looked.source
    if work.said:
        await words.save(work.session, source=source, words=work.said, account_id=account_id, now=now)
    if work.unsaid:
        await words.forget(work.session, source=source, words=work.unsaid)
    work.said, work.unsaid = [], []


def _items(work: _Work, kind: str) -> list[Item]:
    found = work.looked.kinds[kind]
    return [*found.open, *found.said]


async def _say_shops(work: _Work) -> None:
    known = {str(one.id) for one in await stores.list_shops(work.session, limit=5_000)}
    for item in _items(work, "shop"):
        answer = work.answer(item)
        if answer.to == NEW:
            work.say(item, work.made("shop", await _new_shop(work, item, answer), item.seen))
        else:
            work.say(item, _one_of(answer.to, known, item))


async def _new_shop(work: _Work, item: Item, answer: Answer) -> uuid.UUID:
    name = answer.name.strip() or item.seen.said
    fields = ShopFields(
        code=_fitting(answer.code.strip() or item.seen.said, 40, item),
        name=_fitting(name, 80, item),
        time_zone=work.zone,
    )
    try:
        shop = (await stores.create_shop(work.session, fields=fields)).shop
    except ShopCodeTaken as error:
        raise InvalidInput(item.name, "another shop has this code") from error
    hours = [Interval(day, opens, min(closes, _DAY)) for day, opens, closes in item.seen.week]
    if hours:
        await stores.put_hours(work.session, shop_id=shop.id, version=shop.version, hours=hours)
    return shop.id


async def _say_services(work: _Work) -> None:
    known = {str(one.id) for one in await setup.list_services(work.session)}
    for item in _items(work, "service"):
        answer = work.answer(item)
        if answer.to == NEW:
            fields = ServiceFields(
                code=_fitting(item.seen.said, 40, item),
                name=_fitting(answer.name.strip() or item.seen.said, 80, item),
                duration_min=_minutes(answer.minutes or item.seen.minutes or _USUAL_MIN, item),
                status=Status.RETIRED,
            )
            try:
                made = await setup.save_service(work.session, service_id=None, version=None, fields=fields)
            except CodeTaken as error:
                raise InvalidInput(item.name, "another service has this code") from error
            work.say(item, work.made("service", made.id, item.seen))
        else:
            work.say(item, _one_of(answer.to, known, item))


async def _say_people(work: _Work) -> None:
    here = await meanings.look_around(work.session, source=work.looked.source, found=work.looked.found)
    people = {str(one.id): one for one in here.people}
    spelled = {known_as(one.said): one.said for one in work.looked.found.shops}
    offered = {known_as(one.said): here.service_of(one.said) for one in work.looked.found.services}
    for item in _items(work, "staff"):
        shop_id = here.shop_of(spelled.get(item.seen.shop, item.seen.shop))
        answer = work.answer(item)
        is_known = here.person_of(item.seen.said, shop_id) is not None
        if shop_id is None or (is_known and not item.is_said):
            continue
        if answer.to == NEW:
            skills = [found for one in item.seen.services if (found := offered.get(one)) is not None]
            made = await _new_person(work, item, answer, shop_id, tuple(skills))
            work.say(item, work.made("staff", made, item.seen), shop_id)
            continue
        means = _one_of(answer.to, set(people), item)
        if means and shop_id not in people[means].shop_ids:
            await _guest(work.session, people[means].id, shop_id)
        work.say(item, means, shop_id)


async def _new_person(
    work: _Work, item: Item, answer: Answer, shop_id: uuid.UUID, skills: tuple[uuid.UUID, ...]
) -> uuid.UUID:
    fields = StaffFields(
        display_name=_fitting(answer.name.strip() or item.seen.said, 60, item),
        home_shop_id=shop_id,
        service_ids=skills,
        status=Status.RETIRED,
    )
    made = await setup.save_staff(work.session, staff_id=None, version=None, fields=fields)
    lines = [
        PlanLine(shop_id=shop_id, weekday=day, kind=SpanKind.WORK, starts=first, ends=min(last, _DAY))
        for day, first, last in item.seen.week
    ]
    if lines:
        await setup.put_plan(work.session, staff_id=made.id, lines=lines)
    return made.id


async def _guest(session: AsyncSession, staff_id: uuid.UUID, shop_id: uuid.UUID) -> None:
    """Somebody serves in one shop more."""
    await planned.keep(session, shop_ids=[shop_id])
    session.add(StaffShop(brand_id=brand_of(session), staff_id=staff_id, shop_id=shop_id))
    await session.flush()


def _say_states(work: _Work) -> None:
    for item in _items(work, "state"):
        work.say(item, _one_of(work.answer(item).to, set(STATES.values()), item))


def _one_of(to: str, known: set[str], item: Item) -> str:
    if to and to not in known:
        raise InvalidInput(item.name, "choose one of the list")
    return to


def _fitting(text: str, longest: int, item: Item) -> str:
    if not 0 < len(text) <= longest:
        raise InvalidInput(item.name, "give it a shorter name")
    return text


def _minutes(minutes: int, item: Item) -> int:
    if not 5 <= minutes <= 720 or minutes % 5:
        raise InvalidInput(item.name, "a length is 5 to 720 minutes, in steps of five")
    return minutes
