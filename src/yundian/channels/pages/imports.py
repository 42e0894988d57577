"""HQ brings in files of orders, watches them go in, and sees what came of them."""

import uuid

from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.channels.pages import words
from yundian.channels.service import channels
from yundian.channels.service.importing import ORDERS
from yundian.platform.db.database import Tx
from yundian.platform.files.pages import FilePages, FileRunPages, FilesController
from yundian.platform.web.i18n import gettext as _


class _OfOrders(FilesController):
    kind = ORDERS
    template = "channels"
    scope_field = "channel"

    def scope_label(self) -> str:
        return _("Channel")

    def tally_label(self, name: str) -> str:
        return words.tally(name)


class ImportPages(_OfOrders, FilePages):
    path = f"{ORDERS.path}/imports"

    async def scopes(self, session: AsyncSession, brand: uuid.UUID) -> list[tuple[str, str]]:
        known = await channels.list_channels(session, brand_id=brand)
        return [(one.code, words.channel_name(one)) for one in known if one.is_active]

    async def check_scope(self, tx: Tx, scope: str) -> None:
        await channels.check_open(tx, code=scope)


class RunPages(_OfOrders, FileRunPages):
    path = f"{ORDERS.path}/runs"
