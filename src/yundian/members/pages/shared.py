"""What the customers' pages share: whose page it is, who is on it, and the way back."""

from urllib.parse import urlencode

from litestar.datastructures import Cookie

from yundian.members.ports import SmsSender
from yundian.platform.auth import api as auth
from yundian.platform.auth.cookies import customer_cookie_name
from yundian.platform.auth.types import Client
from yundian.platform.core.settings import Settings
from yundian.platform.web.context import current
from yundian.platform.web.pages import AnyRequest
from yundian.platform.wechat.agents import is_wechat_browser
from yundian.platform.wechat.client import WeChatApps

_TRIP = "yundian_trip"


def client_of(request: AnyRequest, settings: Settings) -> Client:
    """The address and device of a request, and the session it would replace."""
    return Client(
        ip=current().client,
        user_agent=request.headers.get("User-Agent", ""),
        locale=current().locale,
        old_token=request.cookies.get(customer_cookie_name(settings)),
    )


def home(brand_code: str) -> str:
    return f"/m/{brand_code}/me"


def sign_in_page(brand_code: str, **query: str) -> str:
    """The address of the brand's sign-in page."""
    filled = {name: value for name, value in query.items() if value}
    return f"/m/{brand_code}/sign-in" + (f"?{urlencode(filled)}" if filled else "")


def next_of(path: str | None, brand_code: str) -> str:
    """Where to go after signing in: a path of this site."""
    return auth.safe_return_path(path, default=home(brand_code))


def is_in_wechat(request: AnyRequest) -> bool:
    """Whether WeChat's own browser asks."""
    return is_wechat_browser(request.headers.get("User-Agent", ""))


def wechat_of(request: AnyRequest) -> WeChatApps:
    apps: WeChatApps = request.app.state.wechat
    return apps


def sms_of(request: AnyRequest) -> SmsSender:
    sender: SmsSender = request.app.state.sms
    return sender


def trip_cookie_name(settings: Settings) -> str:
    return f"__Host-{_TRIP}" if settings.is_production else _TRIP


def trip_cookie(settings: Settings, value: str, *, seconds: int) -> Cookie:
    """What the browser carries to WeChat and back; with no seconds it is forgotten."""
    return Cookie(
        key=trip_cookie_name(settings),
        value=value,
        path="/",
        max_age=seconds,
        httponly=True,
        samesite="lax",
        secure=settings.is_production,
    )
