"""Where people's calendars subscribe to their appointments."""

from appointments.rules import life as rules
from appointments.states import Status
from appointments.types import StaffView
from yundian.platform.db.services import Services
from yundian.platform.outbox.door import Door, brand_of


def address(door: Door, services: Services, staff: StaffView) -> str | None:
    """The address of her calendar, which is all that one needs to read it; ``None`` while she does not serve."""
    if staff.status is not Status.ACTIVE:
        return None
    token = rules.link_token(
        services.keyring,
        kind="feed",
        brand_id=brand_of(door),
        thing_id=staff.id,
        version=staff.feed_version,
    )
    return f"{services.settings.base_url}/calendar-feeds/{token}.ics"
