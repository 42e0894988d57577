"""The people of `traffic.py`: shops, buyers of several moods, and how they reach the server and the sandbox."""

import asyncio
import datetime as dt
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from yundian.app.sandbox import Credentials
from yundian.payments.types import Provider
from yundian.platform.core.ids import new_id

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Mobile/15E148 Safari/604.1"
# Their phones begin so: the next run plays with the same people.
CROWD = "166"
_CASHIER = re.compile(r'content="0;url=([^"]+)"')
_TOO_MANY = 429
# How people are; the rest pays at once and stays.
_MOODS = {"abandons": 0.08, "late": 0.04, "leaves": 0.06, "twice": 0.12}
_FAMILY, _GIVEN = (
    "王李张刘陈杨赵黄周吴",
    ("雨桐", "思琪", "欣怡", "梓涵", "若曦", "静姝", "诗雨", "晓蕾", "佳宁", "语嫣"),
)


@dataclass
class Seen:
    """What everybody went through."""

    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    refused: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    orders: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


@dataclass
class Answer:
    status: int
    body: Any

    @property
    def is_good(self) -> bool:
        return self.status < 400


@dataclass
class Web:
    """The server and the sandbox as everybody reaches them: each request with its own token, no shared cookies."""

    http: aiohttp.ClientSession
    site: str
    sandbox: str
    seen: Seen

    async def api(
        self, step: str, method: str, path: str, *, token: str = "", key: str = "", **more: Any
    ) -> Answer:
        """A call of the JSON API. A full counter or limit is waited for, as a polite client does."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if key:
            headers["Idempotency-Key"] = key
        while True:
            answer, wait_s = await self._call(step, method, self.site + path, headers=headers, **more)
            if answer.status != _TOO_MANY:
                return answer
            self.seen.told["waits for a rate limit"] += 1
            await asyncio.sleep(wait_s)

    async def must(self, step: str, method: str, path: str, **more: Any) -> Any:
        """A call without which there is no run."""
        answer = await self.api(step, method, path, **more)
        if not answer.is_good:
            raise SystemExit(f"{method} {path}: {answer.status} {answer.body}")
        return answer.body

    async def page(self, step: str, method: str, path: str, **more: Any) -> Answer:
        return (await self._call(step, method, self.site + path, **more))[0]

    async def stage(self, path: str, body: Mapping[str, Any]) -> Any:
        """The sandbox's own API."""
        async with self.http.post(f"{self.sandbox}/sandbox/api/{path}", json=body) as answer:
            answer.raise_for_status()
            return await answer.json()

    async def audience(self) -> Any:
        """The people whom the sandbox knows."""
        async with self.http.get(f"{self.sandbox}/sandbox/api/users") as answer:
            return await answer.json()

    async def _call(self, step: str, method: str, url: str, **more: Any) -> tuple[Answer, float]:
        begun = time.perf_counter()
        async with self.http.request(method, url, allow_redirects=False, **more) as answer:
            is_json = "json" in answer.content_type
            body: Any = await answer.json(content_type=None) if is_json else await answer.text()
        self.seen.took[step].append((time.perf_counter() - begun) * 1000)
        if answer.status >= 400:
            self.seen.refused[body["code"] if is_json else f"{step}: {answer.status}"] += 1
        return Answer(answer.status, body), float(answer.headers.get("Retry-After", "1"))


@dataclass
class Shop:
    """A shop's owner with her link, and the groups she brought that others may join."""

    id: str
    token: str
    weight: int
    link: str = ""
    link_id: str = ""
    open_groups: list[str] = field(default_factory=list)


@dataclass
class Fair:
    """The run: the campaign, its shops, and how buyers are played."""

    web: Web
    known: Credentials
    cookie: str
    hq: str
    campaign: dict[str, Any]
    shops: list[Shop]
    crowd: list[int]
    dice: random.Random
    ending: asyncio.Event = field(default_factory=asyncio.Event)

    async def arrive(self, number: int) -> tuple[int, str]:
        """A person of the sandbox's, signed in through its mini program: her number there and her token."""
        if number < len(self.crowd):
            user_id = self.crowd[number]
        else:
            name = self.dice.choice(_FAMILY) + self.dice.choice(_GIVEN)
            phone = f"{CROWD}{number:08d}"
            user_id = (await self.web.stage("users", {"nickname": name, "phone": phone}))["id"]
        app_id = self.known.mini["appid"]
        code = await self.web.stage("wechat/code", {"appid": app_id, "user_id": user_id, "purpose": "mini"})
        body = {"app_id": app_id, "code": code["code"]}
        return user_id, (await self.web.must("sign in", "POST", "/v1/mini-sessions", json=body))["token"]

    async def buy(self, person: tuple[int, str]) -> None:
        """One visit, from the link to the goods."""
        user_id, token = person
        shop = self.dice.choices(self.shops, [one.weight for one in self.shops])[0]
        [mood] = self.dice.choices([*_MOODS, "pays"], [*_MOODS.values(), 1 - sum(_MOODS.values())])
        await self.web.page("open the link", "GET", shop.link, cookies={self.cookie: token})
        await self.web.api("see the offer", "GET", f"/v1/group-campaigns/{self.campaign['code']}", token=token)
        await self._pause(1.5)
        seat = await self._sit(shop, token, is_twice=mood == "twice")
        if seat is None:
            return
        self.web.seen.orders[seat["order_id"]] = seat["order_number"]
        if mood == "abandons":
            self.web.seen.told["gave up before paying"] += 1
            return
        is_paid = await self._pay(seat, user_id, is_late=mood == "late")
        if is_paid and mood == "leaves":
            left = await self.web.api(
                "leave", "POST", f"/v1/group-seats/{seat['seat_id']}/leave", token=token, key=str(new_id())
            )
            self.web.seen.told["left a group"] += left.is_good
        elif is_paid:
            await self._collect(shop, seat, token)

    async def _sit(self, shop: Shop, token: str, *, is_twice: bool) -> dict[str, Any] | None:
        """A seat in a group of the shop's that fills, or in a new one."""
        item = self.dice.choice(self.campaign["items"])
        wish = {
            "lines": [{"sku_id": item["sku_id"], "quantity": self.dice.choice((1, 1, 1, 2))}],
            "pickup_shop_id": shop.id,
        }
        while shop.open_groups:
            group = shop.open_groups[-1]
            joined = await self._take("join a group", {**wish, "group_code": group}, token, is_twice)
            if joined.is_good:
                return dict(joined.body)
            if joined.body["code"] not in {"groupbuy.group_full", "groupbuy.group_over"}:
                return None
            if group in shop.open_groups:
                shop.open_groups.remove(group)
        started = await self._take(
            "start a group", {**wish, "campaign_code": self.campaign["code"]}, token, is_twice
        )
        if not started.is_good:
            return None
        shop.open_groups.append(started.body["group_code"])
        return dict(started.body)

    async def _take(self, step: str, wish: dict[str, Any], token: str, is_twice: bool) -> Answer:
        key = str(new_id())
        first = await self.web.api(step, "POST", "/v1/group-seats", token=token, key=key, json=wish)
        if is_twice and first.is_good:
            again = await self.web.api("send it again", "POST", "/v1/group-seats", token=token, key=key, json=wish)
            self.web.seen.told["sent a request twice"] += 1
            if again.body != first.body:
                self.web.seen.wrong.append(f"the same request again was answered otherwise: {again.body}")
        return first

    async def _pay(self, seat: dict[str, Any], user_id: int, *, is_late: bool) -> bool:
        """What the pay page does on a phone: to the provider's cashier and back."""
        await self._pause(2)
        await self.web.page("see the pay page", "GET", seat["pay_path"])
        form = {"provider": Provider.WECHAT.value}
        page = await self.web.page("start the payment", "POST", seat["pay_path"], data=form)
        found = _CASHIER.search(page.body) if page.is_good else None
        if found is None:
            self.web.seen.told["had no way to pay"] += 1
            return False
        await self._pause(2)
        if is_late:
            over = dt.datetime.fromisoformat(seat["expires_at"]) - dt.datetime.now(dt.UTC)
            await asyncio.sleep(max(0.0, over.total_seconds()) + 1)
        cashier = found[1].replace("&amp;", "&").partition("?")[0]
        address = cashier.replace("/cashier/wechat/", "/cashier/pay/")
        async with self.web.http.post(address, data={"user_id": str(user_id)}, allow_redirects=False) as paid:
            is_paid = paid.status < 400
        self.web.seen.told["paid" if is_paid else "came too late to pay"] += 1
        await self.web.page("come back", "GET", seat["pay_path"] + "/return")
        return is_paid

    async def _collect(self, shop: Shop, seat: dict[str, Any], token: str) -> None:
        """Watch the group fill, then go to the shop with the code."""
        while not self.ending.is_set():
            await self._pause(2)
            group = await self.web.api("look at the group", "GET", f"/v1/groups/{seat['group_code']}", token=token)
            if group.is_good and group.body["filled_at"]:
                break
        path = f"/v1/member/orders/{seat['order_number']}"
        for _ in range(5):
            order = await self.web.api("look at the order", "GET", path, token=token)
            if order.is_good and order.body["pick_up_code"]:
                break
            await self._pause(1)
        else:
            return
        if self.dice.random() < 0.2:
            self.web.seen.told["comes for it another day"] += 1
            return
        code = {"code": order.body["pick_up_code"]}
        await self.web.api("look at a code", "POST", "/v1/hand-overs/preview", token=shop.token, json=code)
        key = str(new_id())
        given = await self.web.api("hand over", "POST", "/v1/hand-overs", token=shop.token, key=key, json=code)
        self.web.seen.told["collected"] += given.is_good

    async def _pause(self, mean_s: float) -> None:
        await asyncio.sleep(self.dice.uniform(0.3, 1.7) * mean_s)
