"""The app whose WeChat and SMS provider are the sandbox."""

import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from litestar import Litestar

from tests.helpers import make_client, submit
from tests.members.makers import set_up_app
from tests.sandbox.running import RunningSandbox
from yundian.app.asgi import create_app
from yundian.brands.types import BrandView
from yundian.members.types import AppKind
from yundian.platform.core.settings import Settings
from yundian.platform.db.services import Services


@pytest.fixture(scope="session")
async def shop_app(outside: Settings) -> AsyncIterator[Litestar]:
    app = create_app(outside)
    async with app.lifespan():
        yield app


@pytest.fixture
async def official(services: Services, brand: BrandView, sandbox: RunningSandbox) -> str:
    """The brand's official account is set up; its app id."""
    return await set_up_app(services, brand, sandbox, AppKind.OFFICIAL)


@pytest.fixture
async def mini(services: Services, brand: BrandView, sandbox: RunningSandbox) -> str:
    return await set_up_app(services, brand, sandbox, AppKind.MINI)


@dataclass(frozen=True)
class Phone:
    """A person with a browser, and the messages she gets."""

    browser: httpx.AsyncClient
    sandbox: RunningSandbox
    brand: BrandView

    @property
    def base(self) -> str:
        return f"/m/{self.brand.code}"

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.browser.get(f"{self.base}{path}", headers={"Accept": "text/html", **headers})

    async def submit(self, path: str, **data: str) -> httpx.Response:
        return await submit(self.browser, f"{self.base}{path}", data)

    async def ask_code(self, number: str, *, path: str = "/sign-in/phone", **more: str) -> httpx.Response:
        return await self.submit(path, **{"phone": number, "agree": "on", **more})

    def codes(self, number: str) -> list[str]:
        """What came to a phone, oldest first."""
        got = sorted(self.sandbox.get("messages", channel="sms", recipient=number), key=lambda each: each["id"])
        return [found[1] for each in got if (found := re.search(r"验证码 (\d{6})", each["body"]))]

    async def sign_in(self, number: str, **more: str) -> httpx.Response:
        page = await self.ask_code(number)
        assert page.status_code == 200, page.text
        return await self.submit("/sign-in/code", ticket=ticket_of(page), code=self.codes(number)[-1], **more)

    async def depart(self, query: str = "") -> tuple[str, str]:
        """To WeChat: where it was told to send us back, and the state."""
        answer = await self.get(f"/sign-in/wechat{query}")
        assert answer.status_code == 303, answer.text
        asked = parse_qs(urlsplit(answer.headers["location"]).query)
        return asked["redirect_uri"][0], asked["state"][0]

    async def come_back(self, code: str, state: str) -> httpx.Response:
        return await self.get(f"/sign-in/wechat/back?code={code}&state={state}")

    def code(self, app_id: str, *, purpose: str = "oauth", user_id: int = 1, scope: str = "snsapi_base") -> str:
        """A fresh login code of WeChat's."""
        wanted = {"appid": app_id, "purpose": purpose, "user_id": user_id, "scope": scope}
        made: dict[str, str] = self.sandbox.post("wechat/code", wanted)
        return made["code"]

    async def sign_in_by_wechat(self, app_id: str, query: str = "", **who: object) -> httpx.Response:
        _, state = await self.depart(query)
        return await self.come_back(self.code(app_id, **who), state)  # type: ignore[arg-type]


def ticket_of(page: httpx.Response) -> str:
    found = re.search(r'name="ticket" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def new_number() -> str:
    return f"199{secrets.randbelow(10**8):08}"


def address() -> str:
    """Rates count by address; each person of a test has her own."""
    return f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{secrets.randbelow(254) + 1}"


@pytest.fixture
async def phone(shop_app: Litestar, sandbox: RunningSandbox, brand: BrandView) -> AsyncIterator[Phone]:
    async with make_client(shop_app, peer=address()) as browser:
        yield Phone(browser, sandbox, brand)


@pytest.fixture
async def other_phone(shop_app: Litestar, sandbox: RunningSandbox, brand: BrandView) -> AsyncIterator[Phone]:
    """Another person, or the same with another browser."""
    async with make_client(shop_app, peer=address()) as browser:
        yield Phone(browser, sandbox, brand)
