"""Where a web process takes notices: those of a brand that come at the same time are stored together."""

import functools
import uuid
from collections.abc import Sequence

from yundian.payments.ports import Providers
from yundian.payments.service import notices
from yundian.payments.service.notices import Received
from yundian.payments.types import Acknowledgement
from yundian.platform.core.crypto import Keyring
from yundian.platform.db.database import Database
from yundian.platform.outbox import outbox
from yundian.platform.outbox.gathering import Gathering

_MOST = 50
_MOST_BRANDS = 1_000


class NoticeDesk:
    """One per process. The answer to a notice is given after the commit that stored it, never before."""

    def __init__(self, database: Database, *, keyring: Keyring, providers: Providers) -> None:
        self._database = database
        self._keyring = keyring
        self._providers = providers
        self._brands: dict[uuid.UUID, Gathering[Received, Acknowledgement]] = {}

    async def receive(self, brand_id: uuid.UUID, received: Received) -> Acknowledgement:
        """Verified, stored once, answered; see ``notices.receive``."""
        gathering = self._brands.get(brand_id)
        if gathering is None:
            # Anybody may write any brand's id into an address.
            if len(self._brands) >= _MOST_BRANDS:
                self._brands = {key: one for key, one in self._brands.items() if not one.is_idle}
            together = functools.partial(self._together, brand_id)
            gathering = self._brands[brand_id] = Gathering(together, most=_MOST)
        # Of this request: whoever stores it may be at work for another.
        return await gathering.ask(received._replace(trace_parent=outbox.current_trace_parent()))

    async def _together(self, brand_id: uuid.UUID, received: Sequence[Received]) -> list[Acknowledgement]:
        return await notices.receive(
            self._database,
            keyring=self._keyring,
            providers=self._providers,
            brand_id=brand_id,
            received=received,
        )
