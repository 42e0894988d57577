"""What the members contribute to the house."""

from yundian.members.events import EVENTS
from yundian.members.handlers import SUBSCRIBERS
from yundian.members.pages.home import HomePages
from yundian.members.pages.hq import WeChatAppPages
from yundian.members.pages.me import MePages
from yundian.members.pages.profiles import MemberPages, TwinPages
from yundian.members.pages.push import PushPages
from yundian.members.pages.sign_in import CustomerSignInPages
from yundian.members.pages.terms import HqTermsPages, TermsPage
from yundian.members.routes import MemberController, MiniSessionController
from yundian.members.service.pushes import forget_old
from yundian.platform.core.principal import Role
from yundian.platform.jobs.declare import cron
from yundian.platform.room import Room
from yundian.platform.web.declare import NavigationItem, Place, Section

ROOM = Room(
    name="members",
    package="yundian.members",
    controllers=(MiniSessionController, MemberController),
    pages=(
        CustomerSignInPages,
        TermsPage,
        HomePages,
        MePages,
        WeChatAppPages,
        PushPages,
        MemberPages,
        TwinPages,
        HqTermsPages,
    ),
    events=EVENTS,
    subscribers=SUBSCRIBERS,
    crons=(cron("members.forget_old", every_s=3600)(forget_old),),
    navigation=(
        NavigationItem(Place.CUSTOMER_NAVIGATION, 10, "Home", "/m/{brand}", "home", frozenset()),
        NavigationItem(Place.CUSTOMER_NAVIGATION, 50, "Me", "/m/{brand}/me", "user", frozenset()),
        NavigationItem(
            Place.HQ_NAVIGATION,
            35,
            "Members",
            "/hq/members",
            "people",
            frozenset({Role.HQ_ADMIN, Role.HQ_ANALYST}),
            Section.CUSTOMERS,
        ),
        NavigationItem(
            Place.HQ_NAVIGATION,
            86,
            "Membership terms",
            "/hq/terms",
            "shield",
            frozenset({Role.HQ_ADMIN}),
            Section.SETUP,
        ),
        NavigationItem(
            Place.HQ_NAVIGATION, 85, "WeChat", "/hq/wechat", "qr", frozenset({Role.HQ_ADMIN}), Section.SETUP
        ),
    ),
)
