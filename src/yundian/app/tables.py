"""Every table of the house, for migrations and for the tests that walk them."""

from appointments.models import booking as appointments_booking
from appointments.models import flow as appointments_flow
from appointments.models import replacements as appointments_replacements
from appointments.models import setup as appointments_setup
from appointments.models import surveys as appointments_surveys
from groupbuy import models as groupbuy
from stores import models as stores
from yundian.attribution import models as attribution
from yundian.brands import models as brands
from yundian.catalog import models as catalog
from yundian.channels import models as channels
from yundian.members import models as members
from yundian.messaging import models as messaging
from yundian.orders import models as orders
from yundian.payments import models as payments
from yundian.platform.auth import models as auth
from yundian.platform.db import directory
from yundian.platform.db.base import metadata
from yundian.platform.files import models as files
from yundian.platform.intake import models as intake
from yundian.platform.outbox import models as outbox
from yundian.platform.web import models as web
from yundian.reports import models as reports

__all__ = ["MODELS", "metadata"]

# A table is known once its module was imported.
MODELS = (
    directory, outbox, web, auth, intake, files, brands, catalog, stores, members, payments, attribution,
    messaging, orders, reports, channels, groupbuy, appointments_setup, appointments_booking, appointments_flow,
    appointments_surveys, appointments_replacements,
)  # fmt: skip
