"""A brand that writes to its members: apps and an SMS provider at a sandbox, the worker's rounds done by hand."""

import datetime as dt
import json
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from tests.members.makers import set_up_app
from tests.sandbox.running import RunningSandbox
from yundian.brands.types import BrandView
from yundian.members.service import joining
from yundian.members.types import AppKind, IdentityKind, JoinedVia, Known
from yundian.messaging import api
from yundian.messaging.ports import Carrier
from yundian.messaging.rules.samples import sample_values
from yundian.messaging.rules.templates import TEMPLATES, house_template
from yundian.messaging.service import choosing, deciding, sending
from yundian.messaging.types import Channel, ConsentAnswer, MessageClass, PolicyFields, TemplateFields
from yundian.platform.core.ids import new_id
from yundian.platform.db.services import Services

# A time of day at which nobody sleeps in Shanghai, and one at which everybody does.
NOON = dt.datetime(2026, 11, 20, 4, 0, tzinfo=dt.UTC)
NIGHT = dt.datetime(2026, 11, 20, 15, 0, tzinfo=dt.UTC)
MORNING = dt.datetime(2026, 11, 21, 1, 0, tzinfo=dt.UTC)


def next_noon() -> dt.datetime:
    """When what waits since just now may go to people in Shanghai, at whatever hour the tests run."""
    now = dt.datetime.now(dt.UTC)
    today = dt.datetime.combine(now.date(), NOON.timetz())
    return today if today > now else today + dt.timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Person:
    """A member, and who she is at the sandbox."""

    id: uuid.UUID
    user_id: int
    phone: str = field(repr=False)
    official: str = field(repr=False)
    mini: str = field(repr=False)


@dataclass(kw_only=True)
class Post:
    """One brand's messages."""

    services: Services
    sandbox: RunningSandbox
    carrier: Carrier
    brand: BrandView
    official: str
    mini: str

    async def person(self, *, phone: bool = True, follows: bool = True, mini: bool = True) -> Person:
        """A member with these ways to reach her."""
        number = f"199{secrets.randbelow(10**8):08}"
        user_id = self.sandbox.post("users", {"nickname": "小红", "phone": number})["id"]
        openids = {
            app: self.sandbox.post("wechat/code", {"appid": app, "user_id": user_id})["openid"]
            for app in (self.official, self.mini)
        }
        proven = [Known(IdentityKind.UNIONID, secrets.token_hex(14))]
        proven += [Known(IdentityKind.PHONE, number)] if phone else []
        proven += [Known(IdentityKind.OPENID, openids[self.official], scope=self.official)] if follows else []
        proven += [Known(IdentityKind.OPENID, openids[self.mini], scope=self.mini)] if mini else []
        if follows:
            self.sandbox.post("wechat/act", {"appid": self.official, "act": "subscribe", "user_id": user_id})
        async with self.services.database.connection(self.brand.id) as tx:
            member_id = await joining.find_or_join(
                tx, keyring=self.services.keyring, proven=proven, via=JoinedVia.PHONE
            )
        return Person(
            id=member_id, user_id=user_id, phone=number, official=openids[self.official], mini=openids[self.mini]
        )

    async def queue(self, person: Person, template: str = "order.ready", **changes: Any) -> str:
        """Ask for a message with sample values; its fact."""
        fact_key = changes.pop("fact_key", f"test-{new_id()}")
        values = changes.pop("values", sample_values(house_template(template), now=NOON))
        async with self.services.database.connection(self.brand.id) as tx:
            await api.queue(
                tx,
                fact_key=fact_key,
                member_id=person.id,
                template=template,
                values=values,
                **({"send_after": NOON} | changes),
            )
        return str(fact_key)

    async def round(self, now: dt.datetime = NOON, *, limit: int = 100) -> int:
        return await sending.send_due(
            self.services.database, carrier=self.carrier, brand_id=self.brand.id, now=now, limit=limit
        )

    async def send(self, now: dt.datetime = NOON) -> None:
        """Rounds until nothing is due at that time."""
        for _ in range(12):
            if not await self.round(now):
                return
        raise AssertionError("something is always due")

    async def rows(self, sql: str, *args: object) -> list[asyncpg.Record]:
        async with self.services.database.connection(self.brand.id) as tx:
            return await tx.fetch(sql, self.brand.id, *args)

    async def message(self, fact_key: str) -> asyncpg.Record:
        [row] = await self.rows("SELECT * FROM messaging_message WHERE brand_id = $1 AND fact_key = $2", fact_key)
        return row

    async def state(self, fact_key: str) -> str:
        """``state``, or ``state:reason``."""
        row = await self.message(fact_key)
        return f"{row['state']}:{row['reason']}" if row["reason"] else str(row["state"])

    async def tries(self, fact_key: str) -> list[str]:
        """Each try: way, outcome and the provider's word."""
        rows = await self.rows(
            "SELECT a.channel, a.state, a.code FROM messaging_attempt a JOIN messaging_message m"
            " ON m.brand_id = a.brand_id AND m.id = a.message_id"
            " WHERE a.brand_id = $1 AND m.fact_key = $2 ORDER BY a.number",
            fact_key,
        )
        return [" ".join(filter(None, (row["channel"], row["state"], row["code"]))) for row in rows]

    async def last_try(self, fact_key: str) -> asyncpg.Record:
        rows = await self.rows(
            "SELECT a.* FROM messaging_attempt a JOIN messaging_message m ON m.brand_id = a.brand_id"
            " AND m.id = a.message_id WHERE a.brand_id = $1 AND m.fact_key = $2 ORDER BY a.number",
            fact_key,
        )
        return rows[-1]

    def got(self, person: Person, channel: Channel) -> list[Any]:
        """What came to her this way, oldest first: texts of short messages, bodies of WeChat's."""
        name = {Channel.SMS: "sms", Channel.OFFICIAL: "template", Channel.MINI: "subscription"}[channel]
        to = {Channel.SMS: person.phone, Channel.OFFICIAL: person.official, Channel.MINI: person.mini}[channel]
        found = [one["body"] for one in reversed(self.sandbox.get("messages", channel=name, recipient=to))]
        return found if channel is Channel.SMS else [json.loads(body) for body in found]

    def count(self, person: Person) -> int:
        """Everything that came to her."""
        return sum(len(self.got(person, channel)) for channel in Channel)

    async def use_wechat(self, *templates: str) -> None:
        """HQ enters the ids of templates at WeChat."""
        for code in templates or TEMPLATES:
            await self.save_template(
                code,
                official_template_id=wechat_id("O", code),
                mini_template_id=wechat_id("M", code),
                mini_page="p?to={path}",
            )

    async def save_template(self, code: str, **changes: Any) -> None:
        async with self.services.database.unit_of_work(self.brand.id) as session:
            stands = await deciding.get_template(session, brand_id=self.brand.id, code=code)
            known = {name: getattr(stands, name) for name in TemplateFields.__struct_fields__}
            await deciding.save_template(
                session,
                brand_id=self.brand.id,
                code=code,
                fields=TemplateFields(**(known | changes)),
                version=stands.version,
            )

    async def save_policy(self, **changes: Any) -> None:
        async with self.services.database.unit_of_work(self.brand.id) as session:
            stands = await deciding.get_policy(session, brand_id=self.brand.id)
            known = {name: getattr(stands, name) for name in PolicyFields.__struct_fields__}
            await deciding.save_policy(
                session, brand_id=self.brand.id, fields=PolicyFields(**(known | changes)), version=stands.version
            )

    async def consent(
        self, person: Person, template: str, times: int = 1, *, at_wechat: int | None = None
    ) -> None:
        """She agrees so many times; ``at_wechat``: what WeChat counts, if that differs."""
        template_id = wechat_id("M", template)
        for _ in range(times):
            await self.tell_consent(person, {template_id: ConsentAnswer.ACCEPT}, new_id())
        granted = times if at_wechat is None else at_wechat
        self.sandbox.post(
            "wechat/consent",
            {"appid": self.mini, "template_id": template_id, "user_id": person.user_id, "times": granted},
        )

    async def tell_consent(self, person: Person, results: dict[str, ConsentAnswer], reference: uuid.UUID) -> None:
        database = self.services.database
        async with database.unit_of_work(self.brand.id) as session:
            await choosing.gain_credits(
                session,
                database=database,
                brand_id=self.brand.id,
                member_id=person.id,
                reference=reference,
                results=results,
            )

    async def credits(self, person: Person) -> tuple[int, int]:
        """What is left, and the sum of the entries: the same number, always."""
        [row] = await self.rows(
            "SELECT (SELECT coalesce(sum(remaining), 0) FROM messaging_credit WHERE brand_id = $1 AND"
            " member_id = $2)::int AS remaining, (SELECT coalesce(sum(change), 0) FROM messaging_credit_entry"
            " WHERE brand_id = $1 AND member_id = $2)::int AS entries",
            person.id,
        )
        return row["remaining"], row["entries"]

    async def choose(self, person: Person, message_class: MessageClass, *, is_allowed: bool) -> None:
        async with self.services.database.connection(self.brand.id) as tx:
            await choosing.choose(
                tx,
                member_id=person.id,
                message_class=message_class,
                is_allowed=is_allowed,
                via=JoinedVia.WECHAT,
            )

    async def due_questions(self) -> list[dict[str, Any]]:
        """What owners were asked."""
        rows = await self.rows(
            "SELECT payload FROM outbox_event WHERE brand_id = $1 AND tag = 'messaging.due.v1' ORDER BY id"
        )
        return [json.loads(row["payload"]) for row in rows]

    async def answer(self, *, still: Sequence[str] = (), outdated: Sequence[str] = ()) -> None:
        async with self.services.database.connection(self.brand.id) as tx:
            await api.answer(
                tx, still=[uuid.UUID(one) for one in still], outdated=[uuid.UUID(one) for one in outdated]
            )


async def open_post(services: Services, brand: BrandView, sandbox: RunningSandbox, carrier: Carrier) -> Post:
    """The brand's apps, known at the sandbox."""
    return Post(
        services=services,
        sandbox=sandbox,
        carrier=carrier,
        brand=brand,
        official=await set_up_app(services, brand, sandbox, AppKind.OFFICIAL),
        mini=await set_up_app(services, brand, sandbox, AppKind.MINI),
    )


def wechat_id(kind: str, code: str) -> str:
    """A template's id as WeChat writes them."""
    return f"{kind}-{code.replace('.', '-')}"


def later(**delta: float) -> dt.datetime:
    return NOON + dt.timedelta(**delta)
