"""What payments contributes to the house."""

from yundian.payments.commands import PAYMENTS
from yundian.payments.events import EVENTS
from yundian.payments.handlers import SUBSCRIBERS
from yundian.payments.pages.bills import BillPages
from yundian.payments.pages.hq import AccountPages, OrphanPages, PaymentPages, RefundPages
from yundian.payments.pages.notices import NoticeReceiver
from yundian.payments.pages.pay import PayPages
from yundian.payments.routes import OrphanController, PaymentController
from yundian.payments.tasks import CRONS
from yundian.platform.core.principal import Role
from yundian.platform.room import Room
from yundian.platform.web.declare import NavigationItem, Place, Section

ROOM = Room(
    name="payments",
    package="yundian.payments",
    controllers=(PaymentController, OrphanController),
    pages=(PaymentPages, RefundPages, OrphanPages, BillPages, AccountPages, PayPages, NoticeReceiver),
    events=EVENTS,
    subscribers=SUBSCRIBERS,
    crons=CRONS,
    commands=(PAYMENTS,),
    navigation=(
        NavigationItem(
            place=Place.HQ_NAVIGATION,
            section=Section.SELLING,
            order=40,
            label="Payments",
            url="/hq/payments",
            icon="bag",
            roles=frozenset({Role.HQ_ADMIN, Role.HQ_ANALYST}),
            also=("/hq/orphans", "/hq/payment-bills", "/hq/payment-accounts"),
        ),
    ),
)
