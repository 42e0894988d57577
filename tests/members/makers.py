"""Makes customers and the brand's apps, through the room's own services."""

import uuid
from dataclasses import dataclass

from tests.sandbox.running import RunningSandbox
from yundian.brands.types import BrandView
from yundian.members.service import apps, joining
from yundian.members.types import AppKind, IdentityKind, JoinedVia, Known, WeChatAppFields
from yundian.platform.auth import api as auth
from yundian.platform.auth.types import Client
from yundian.platform.core.ids import secret_token
from yundian.platform.db.services import Services


@dataclass(frozen=True, kw_only=True)
class Customer:
    """A member of a test; ``headers`` carry her session as a mini program does."""

    brand_id: uuid.UUID
    id: uuid.UUID
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


async def make_customer(
    services: Services, brand: BrandView, *, openid: str | None = None, app_id: str = "wx0000000000000000"
) -> Customer:
    """A signed-in member, new unless the openid is known."""
    known = Known(IdentityKind.OPENID, openid or secret_token(), scope=app_id)
    async with services.database.connection(brand.id) as tx:
        member_id = await joining.find_or_join(
            tx, keyring=services.keyring, proven=[known], via=JoinedVia.MINI_PROGRAM
        )
    return await signed_in(services, brand, member_id)


async def signed_in(services: Services, brand: BrandView, member_id: uuid.UUID) -> Customer:
    """A member that there is, signed in."""
    async with services.database.connection(brand.id) as tx:
        done = await auth.open_customer_session(
            tx, keyring=services.keyring, brand_id=brand.id, member_id=member_id, client=Client()
        )
    return Customer(brand_id=brand.id, id=member_id, token=done.token)


async def set_up_app(services: Services, brand: BrandView, sandbox: RunningSandbox, kind: AppKind) -> str:
    """The brand's app of a kind, known at the sandbox; its app id."""
    made = sandbox.account(kind.value, f"M{brand.code.replace('-', '')}")
    async with services.database.unit_of_work(brand.id) as session:
        await apps.save_app(
            session,
            keyring=services.keyring,
            brand_id=brand.id,
            kind=kind,
            fields=WeChatAppFields(
                app_id=made["appid"], secret=made["secret"], token=made["token"], aes_key=made["aes_key"]
            ),
            version=None,
        )
    return made["appid"]


async def count(services: Services, brand: BrandView, table: str) -> int:
    """Rows of the brand."""
    async with services.database.connection(brand.id) as tx:
        found: int = await tx.fetchval(f"SELECT count(*) FROM {table}")
    return found
