"""What HQ does with the pictures of a product, and how they are shown to everybody."""

import asyncio
import datetime as dt
import re
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from yundian.catalog.errors import PictureUnknown, ProductUnknown, TooManyPictures
from yundian.catalog.repository import pictures as rows
from yundian.catalog.types import DrawnPicture, Move, PictureSize, PictureView
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.db import directory
from yundian.platform.db.database import Database
from yundian.platform.outbox.door import Door

MOST = 12
KEEP_REMOVED = dt.timedelta(days=30)
_NAME = re.compile(r"([0-9a-f]{64})-([slc])\.(?:webp|jpg)", re.ASCII)
# One at a time: a large picture takes two hundred megabytes while it is decoded.
_DRAWER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pictures")


async def draw(data: bytes) -> DrawnPicture:
    """What an uploaded file will be shown as. Do it before a transaction is open.

    Raises:
        PictureUnreadable, PictureTooLarge, PictureTooSmall: it is not taken.
    """
    # Pillow takes memory that most workers never need.
    from yundian.catalog.adapters import pictures  # noqa: PLC0415

    return await asyncio.get_running_loop().run_in_executor(_DRAWER, pictures.draw, data)


async def list_pictures(door: Door, *, product_id: uuid.UUID) -> list[PictureView]:
    """Of one product in their order, those that were removed lately too. ``ProductUnknown``."""
    found = await rows.of_product(door, product_id=product_id)
    if not found and not await rows.has_product(door, product_id=product_id):
        raise ProductUnknown(product_id=str(product_id))
    return found


async def add_picture(door: Door, *, product_id: uuid.UUID, drawn: DrawnPicture) -> PictureView:
    """Behind the others. The same picture again changes nothing; a removed one comes back.

    Raises:
        ProductUnknown, TooManyPictures.
    """
    if not await rows.lock_product(door, product_id=product_id):
        raise ProductUnknown(product_id=str(product_id))
    await rows.put(door, id=new_id(), product_id=product_id, drawn=drawn, now=clock.now())
    shown = _shown(await rows.of_product(door, product_id=product_id))
    if len(shown) > MOST:
        raise TooManyPictures(most=MOST)
    return next(view for view in shown if drawn.digest in view.large)


async def remove_picture(door: Door, *, picture_id: uuid.UUID) -> PictureView:
    """Nobody sees it any more; for thirty days it can be put back. ``PictureUnknown``."""
    return await _mark(door, picture_id, clock.now())


async def restore_picture(door: Door, *, picture_id: uuid.UUID) -> PictureView:
    """Back at its place. ``PictureUnknown``, ``TooManyPictures``."""
    return await _mark(door, picture_id, None)


async def order_pictures(door: Door, *, product_id: uuid.UUID, ids: Sequence[uuid.UUID]) -> list[PictureView]:
    """The listed ones first, in this order; the first stands for the product wherever one is shown.

    Raises:
        ProductUnknown.
        PictureUnknown: one of them is no picture of the product.
    """
    if not await rows.lock_product(door, product_id=product_id):
        raise ProductUnknown(product_id=str(product_id))
    known = [view.id for view in await rows.of_product(door, product_id=product_id)]
    wanted = list(dict.fromkeys(ids))
    if not set(wanted) <= set(known):
        raise PictureUnknown
    await rows.set_order(door, ids=[*wanted, *(one for one in known if one not in set(wanted))])
    return _shown(await rows.of_product(door, product_id=product_id))


async def move_picture(door: Door, *, picture_id: uuid.UUID, move: Move) -> None:
    """Before or behind its neighbour, or in front of all. ``PictureUnknown``."""
    product_id = await _product_of(door, picture_id)
    await rows.lock_product(door, product_id=product_id)
    ids = [view.id for view in _shown(await rows.of_product(door, product_id=product_id))]
    if picture_id not in ids:
        raise PictureUnknown
    at = ids.index(picture_id)
    to = {Move.FIRST: 0, Move.EARLIER: max(0, at - 1), Move.LATER: at + 1}[move]
    ids.insert(to, ids.pop(at))
    await order_pictures(door, product_id=product_id, ids=ids)


async def read_picture(database: Database, *, brand_id: uuid.UUID, name: str) -> tuple[bytes, PictureSize]:
    """The file behind the last part of a picture's path. ``PictureUnknown``, also when it was removed."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise PictureUnknown
    size = PictureSize(match[2])
    async with database.connection(brand_id) as tx:
        found = await rows.file_of(tx, digest=match[1], size=size)
    if found is None or not name.endswith(rows.path(brand_id, match[1], size).rsplit(".", 1)[1]):
        raise PictureUnknown
    return found, size


async def read_thumbnail(door: Door, *, picture_id: uuid.UUID) -> bytes:
    """The small one, for HQ: also of a picture that was removed. ``PictureUnknown``."""
    found = await rows.small_of(door, picture_id=picture_id)
    if found is None:
        raise PictureUnknown(picture_id=str(picture_id))
    return found


async def find_file(door: Door, *, path: str) -> bytes | None:
    """What a picture's path shows, for whoever draws with it; ``None`` once it was removed."""
    match = _NAME.fullmatch(path.rsplit("/", 1)[-1])
    return await rows.file_of(door, digest=match[1], size=PictureSize(match[2])) if match else None


async def forget_removed(database: Database) -> None:
    """Make an end of pictures that were removed thirty days ago, and of files that no product shows."""
    for brand in await directory.brand_ids(database):
        async with database.connection(brand) as tx:
            await rows.forget(tx, before=clock.now() - KEEP_REMOVED)


async def _mark(door: Door, picture_id: uuid.UUID, removed_at: dt.datetime | None) -> PictureView:
    product_id = await _product_of(door, picture_id)
    await rows.lock_product(door, product_id=product_id)
    await rows.mark(door, picture_id=picture_id, removed_at=removed_at)
    views = await rows.of_product(door, product_id=product_id)
    if removed_at is None and len(_shown(views)) > MOST:
        raise TooManyPictures(most=MOST)
    return next(view for view in views if view.id == picture_id)


async def _product_of(door: Door, picture_id: uuid.UUID) -> uuid.UUID:
    product_id = await rows.product_of(door, picture_id=picture_id)
    if product_id is None:
        raise PictureUnknown(picture_id=str(picture_id))
    return product_id


def _shown(views: Sequence[PictureView]) -> list[PictureView]:
    return [view for view in views if view.removed_at is None]
