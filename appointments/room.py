"""What appointments contributes to the house."""

from appointments.commands import IMPORT, REPORT
from appointments.events import EVENTS
from appointments.handlers import SUBSCRIBERS, TIMERS
from appointments.pages.board import BoardPages
from appointments.pages.customer import BookPages
from appointments.pages.flow import FunnelPages, GroupOfferPages
from appointments.pages.groups import GroupStartPages
from appointments.pages.home import HomePanels, ShopOrderPanels
from appointments.pages.hq import ServicePages, ShopSetupPages, UsagePages
from appointments.pages.imports import HeldPages, ImportPages, ImportRunPages
from appointments.pages.looks import DraftPages, LookPages
from appointments.pages.mine import LinkPages, MyAppointmentPages
from appointments.pages.naming import NamesPanel
from appointments.pages.numbers import ListPages, OrderPanels
from appointments.pages.own_links import OwnLinkPages
from appointments.pages.people import FeedPages, PeoplePages
from appointments.pages.remembered import RememberedPages
from appointments.pages.replacements import ReplacementPages
from appointments.pages.sharing import SharePages
from appointments.pages.shop import SheetPages
from appointments.pages.today import TodayPanel
from appointments.pages.tried import TriedPages
from appointments.routes.boards import SheetController, ShopDayController
from appointments.routes.customers import AppointmentController, FindingController
from appointments.routes.groups import GroupSessionController
from appointments.routes.hq_imports import HeldController, ImportController
from appointments.routes.hq_looks import DraftController, LookController
from appointments.routes.hq_numbers import NumbersController
from appointments.routes.hq_people import FeedController, OtherDaysController, PeopleController
from appointments.routes.hq_replacements import ReplacementController
from appointments.routes.hq_services import FlowPolicyController, GroupOfferController, ServiceController
from appointments.routes.hq_shops import ChairController, ShopSetupController
from appointments.routes.links import LinkController, OwnLinkController
from appointments.routes.naming import NamesController
from appointments.routes.shops import BoardController
from appointments.routes.waits import WaitController
from appointments.service import surveys
from appointments.service.planned import keep_all
from appointments.service.viewing import forget_old
from appointments.tasks import TIMERS as FILE_TIMERS
from yundian.platform.core.principal import SHOP_ROLES, Role
from yundian.platform.jobs.declare import cron
from yundian.platform.room import Room
from yundian.platform.web.declare import NavigationItem, Panel, Place, Section

_HQ = frozenset({Role.HQ_ADMIN, Role.HQ_ANALYST})

ROOM = Room(
    name="appointments",
    package="appointments",
    controllers=(
        FindingController,
        AppointmentController,
        WaitController,
        LinkController,
        OwnLinkController,
        GroupSessionController,
        BoardController,
        ShopDayController,
        SheetController,
        NamesController,
        ServiceController,
        GroupOfferController,
        FlowPolicyController,
        PeopleController,
        OtherDaysController,
        FeedController,
        ReplacementController,
        ShopSetupController,
        ChairController,
        NumbersController,
        ImportController,
        HeldController,
        LookController,
        DraftController,
    ),
    pages=(
        BookPages,
        MyAppointmentPages,
        HomePanels,
        ShopOrderPanels,
        TodayPanel,
        LinkPages,
        OwnLinkPages,
        BoardPages,
        SheetPages,
        NamesPanel,
        SharePages,
        TriedPages,
        GroupStartPages,
        UsagePages,
        FunnelPages,
        ListPages,
        OrderPanels,
        GroupOfferPages,
        ServicePages,
        ShopSetupPages,
        PeoplePages,
        FeedPages,
        ReplacementPages,
        ImportPages,
        ImportRunPages,
        HeldPages,
        LookPages,
        DraftPages,
        RememberedPages,
    ),
    commands=(IMPORT, REPORT),
    events=EVENTS,
    subscribers=SUBSCRIBERS,
    timers=(*TIMERS, *FILE_TIMERS),
    crons=(
        cron("appointments.forget_viewings", every_s=3600)(forget_old),
        cron("appointments.keep_planned", every_s=600)(keep_all),
        cron("appointments.forget_looks", every_s=3600)(surveys.forget_old),
    ),
    navigation=(
        NavigationItem(Place.HQ_NAVIGATION, 35, "Appointments", "/hq/appointments", "clock", _HQ, Section.SELLING),
        NavigationItem(Place.SHOP_NAVIGATION, 18, "Appointments", "/shop/appointments", "clock", SHOP_ROLES),
        NavigationItem(Place.CUSTOMER_NAVIGATION, 20, "Book", "/m/{brand}/book", "plus", frozenset()),
        NavigationItem(
            Place.CUSTOMER_NAVIGATION, 30, "My visits", "/m/{brand}/appointments", "clock", frozenset()
        ),
    ),
    panels=(
        Panel(Place.CUSTOMER_OWN, 10, "/m/{brand}/panels/appointments", frozenset()),
        Panel(Place.CUSTOMER_HOME, 20, "/m/{brand}/panels/book", frozenset()),
        Panel(Place.CUSTOMER_ORDER, 10, "/m/{brand}/panels/orders/{id}/appointment", frozenset()),
        Panel(Place.SHOP_HOME, 11, "/shop/panels/appointments", SHOP_ROLES),
        Panel(Place.SHOP_ENGLISH, 10, "/shop/panels/english/{id}", frozenset({Role.SHOP_OWNER})),
        Panel(Place.SHOP_LINKS, 20, "/shop/panels/booking-links", SHOP_ROLES),
        Panel(Place.HQ_ORDER, 30, "/hq/panels/orders/{id}/appointment", _HQ),
        Panel(Place.SHOP_ORDER, 10, "/shop/panels/orders/{id}/appointment", SHOP_ROLES),
    ),
)
