"""A web process killed in the middle of an idempotent request leaves the key and its effect, or neither."""

import httpx
import pytest
from sqlmodel import col, func, select

from tests.faults.web_kit import web_process
from tests.people import sign_in_as
from yundian.brands.types import BrandView
from yundian.catalog.models import Product
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = [pytest.mark.anyio, pytest.mark.faults]


@pytest.mark.parametrize(
    ("step", "is_kept"),
    [("web.idempotency.claimed", False), ("web.idempotency.kept", False), ("web.committed", True)],
)
async def test_a_killed_request_can_be_sent_again_and_takes_effect_once(
    client: httpx.AsyncClient, services: Services, brand: BrandView, step: str, is_kept: bool
) -> None:
    admin = await sign_in_as(services, brand.id, Role.HQ_ADMIN)
    headers = {**admin.headers, "Idempotency-Key": str(new_id())}
    body = {"code": "KILLED", "name": "Killed"}

    async with web_process(services.settings, die_at=step) as victim:
        with pytest.raises(httpx.TransportError):
            await victim.client.post("/v1/products", json=body, headers=headers)

    first = await client.post("/v1/products", json=body, headers=headers)
    second = await client.post("/v1/products", json=body, headers=headers)

    assert (first.status_code, second.status_code) == (201, 201)
    # Committed but never answered: the answer was kept with the effect, and is the one given now.
    assert ("idempotent-replayed" in first.headers) is is_kept
    assert second.headers["idempotent-replayed"] == "true"
    assert second.content == first.content
    async with services.database.unit_of_work(brand.id) as session:
        query = select(func.count()).select_from(Product).where(col(Product.code) == "KILLED")
        assert (await session.exec(query)).one() == 1
