"""Somebody stands in the shop and is served at once; who gives her number is served as the customer she is."""

import uuid
from dataclasses import replace

from appointments.service.booking import Booked, Wish, book
from yundian.members import api as members
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.errors import InvalidInput
from yundian.platform.db.database import Database


async def walk_in(
    database: Database, *, keyring: Keyring, brand_id: uuid.UUID, wish: Wish, phone: str = ""
) -> Booked:
    """Served by whoever is free, see ``book``. ``InvalidInput`` for a number by which no customer is known."""
    if not phone.strip():
        return await book(database, keyring=keyring, brand_id=brand_id, wish=wish)
    async with database.connection(brand_id) as tx:
        member_id = await members.find_by_phone(tx, phone=phone.strip())
    if member_id is None:
        raise InvalidInput("phone", "No customer has this number; without it she is served as well")
    return await book(database, keyring=keyring, brand_id=brand_id, wish=replace(wish, member_id=member_id))
