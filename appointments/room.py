"""What appointments contributes to the house."""

from appointments.commands import IMPORT, REPORT
from appointments.events import EVENTS
from appointments.handlers import SUBSCRIBERS, TIMERS
from appointments.pages.customer import BookPages
from appointments.pages.flow import FunnelPages, GroupOfferPages
from appointments.pages.groups import GroupStartPages
from appointments.pages.hq import ServicePages, ShopSetupPages, UsagePages
from appointments.pages.mine import LinkPages, MyAppointmentPages
from appointments.pages.people import FeedPages, PeoplePages
from appointments.pages.shop import BoardPages
from appointments.pages.tried import TriedPages
from appointments.routes.customers import AppointmentController, FindingController
from appointments.routes.shops import BoardController
from appointments.service.viewing import forget_old
from yundian.platform.core.principal import SHOP_ROLES, Role
from yundian.platform.jobs.declare import cron
from yundian.platform.room import Room
from yundian.platform.web.declare import NavigationItem, Place, Section

_HQ = frozenset({Role.HQ_ADMIN, Role.HQ_ANALYST})

ROOM = Room(
    name="appointments",
    package="appointments",
    controllers=(FindingController, AppointmentController, BoardController),
    pages=(
        BookPages,
        MyAppointmentPages,
        LinkPages,
        BoardPages,
        TriedPages,
        GroupStartPages,
        UsagePages,
        FunnelPages,
        GroupOfferPages,
        ServicePages,
        ShopSetupPages,
        PeoplePages,
        FeedPages,
    ),
    commands=(IMPORT, REPORT),
    events=EVENTS,
    subscribers=SUBSCRIBERS,
    timers=TIMERS,
    crons=(cron("appointments.forget_viewings", every_s=3600)(forget_old),),
    navigation=(
        NavigationItem(Place.HQ_NAVIGATION, 35, "Appointments", "/hq/appointments", "clock", _HQ, Section.SELLING),
        NavigationItem(Place.SHOP_NAVIGATION, 18, "Appointments", "/shop/appointments", "clock", SHOP_ROLES),
    ),
)
