"""The directory: from a key to its brand, before any brand is known, without telling whose key it is."""

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from yundian.brands.types import BrandView
from yundian.platform.core.ids import secret_token
from yundian.platform.db import directory
from yundian.platform.db.directory import DirectoryEntry, DirectoryTaken
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio


async def _claim(services: Services, brand: BrandView, key: str, kind: str = "login") -> None:
    async with services.database.unit_of_work(brand.id) as session:
        await directory.claim(session, keyring=services.keyring, kind=kind, key=key, brand_id=brand.id)


async def _find(services: Services, key: str, kind: str = "login") -> object:
    async with services.database.unit_of_work(None) as session:
        return await directory.find_brand(session, keyring=services.keyring, kind=kind, key=key)


async def test_a_claimed_key_is_found_without_knowing_the_brand(services: Services, brand: BrandView) -> None:
    key = secret_token()
    await _claim(services, brand, key)

    assert await _find(services, key) == brand.id
    assert await _find(services, key, kind="api_key") is None
    assert await _find(services, secret_token()) is None


async def test_a_key_belongs_to_one_brand(services: Services, brand: BrandView, other_brand: BrandView) -> None:
    key = secret_token()
    await _claim(services, brand, key)

    for claimant in (other_brand, brand):
        with pytest.raises(DirectoryTaken):
            await _claim(services, claimant, key)
    assert await _find(services, key) == brand.id


async def test_only_its_holder_releases_a_key(
    services: Services, brand: BrandView, other_brand: BrandView
) -> None:
    key = secret_token()
    await _claim(services, brand, key)

    for holder, found in ((other_brand, brand.id), (brand, None)):
        async with services.database.unit_of_work(holder.id) as session:
            await directory.release(session, keyring=services.keyring, kind="login", key=key, brand_id=holder.id)
        assert await _find(services, key) == found


async def test_the_table_does_not_hold_the_key(services: Services, brand: BrandView) -> None:
    key = "13800138000" + secret_token()
    await _claim(services, brand, key)

    async with services.database.unit_of_work(None) as session:
        query = select(DirectoryEntry.key_hash).where(col(DirectoryEntry.brand_id) == brand.id)
        stored = (await session.exec(query)).one()
        hits = await (await session.connection()).scalar(
            sa.text("SELECT count(*) FROM directory d WHERE strpos(d::text, encode(:key, 'hex')) > 0"),
            {"key": key.encode()},
        )

    assert stored == services.keyring.blind_index("login", key)
    assert hits == 0
