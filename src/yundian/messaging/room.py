"""What messaging contributes to the house."""

from yundian.messaging.events import EVENTS
from yundian.messaging.handlers import SUBSCRIBERS
from yundian.messaging.pages.consents import ConsentPages, MessagePanels
from yundian.messaging.pages.hq import MessagePages
from yundian.messaging.pages.me import ChoicePages
from yundian.messaging.pages.settings import SettingsPages, TemplatePages
from yundian.messaging.pages.sms import SmsPages
from yundian.messaging.routes.consents import ConsentController
from yundian.messaging.routes.log import MessageController
from yundian.messaging.routes.members import ChoiceController, MemberMessageController
from yundian.messaging.routes.templates import SettingsController, TemplateController
from yundian.messaging.tasks import CRONS
from yundian.platform.core.principal import Role
from yundian.platform.room import Room
from yundian.platform.web.declare import NavigationItem, Panel, Place, Section

_HQ = frozenset({Role.HQ_ADMIN, Role.HQ_ANALYST})

ROOM = Room(
    name="messaging",
    package="yundian.messaging",
    controllers=(
        ConsentController,
        MessageController,
        TemplateController,
        SettingsController,
        MemberMessageController,
        ChoiceController,
    ),
    pages=(MessagePages, ConsentPages, MessagePanels, TemplatePages, SettingsPages, ChoicePages, SmsPages),
    events=EVENTS,
    subscribers=SUBSCRIBERS,
    crons=CRONS,
    navigation=(
        NavigationItem(
            Place.HQ_NAVIGATION,
            60,
            "Messages",
            "/hq/messages",
            "bell",
            _HQ,
            Section.CUSTOMERS,
            also=("/hq/message-templates", "/hq/message-settings"),
        ),
    ),
    panels=(Panel(Place.HQ_MEMBER, 40, "/hq/panels/member-messages/{id}", _HQ),),
)
