"""A process that tests kill while it takes documents in.

``python -m tests.channels.victim BRAND``; its settings come by the environment, and the step by
``YUNDIAN_TEST_DIE_AT``.
"""

import datetime as dt
import sys
import uuid

import uvloop

from tests.channels.makers import AT, POS, by, card, document, phone, received, refund
from yundian.channels.service import receiving
from yundian.channels.types import OrderDocument
from yundian.platform.core.settings import Settings
from yundian.platform.db.services import open_services


def documents() -> list[OrderDocument]:
    """Sales in several versions, refunds of their own, proven and claimed buyers."""
    found = []
    for number in range(12):
        number_of_card = card(f"C{number % 3}", verified=number % 4 == 0)
        buyer = by(number_of_card) if number % 2 == 0 else by(phone(f"1380000000{number % 3}"))
        for version in range(2):
            placed_at = AT + dt.timedelta(hours=7 * number)
            told = (refund(f"N{number}", 100 + version),) if number % 3 == 0 else ()
            found.append(
                document(
                    f"{number}", version=version, buyer=buyer, refunds=told, placed_at=placed_at, shop_code=""
                )
            )
        found.append(document(f"R{number}", kind="refund", refund_of=f"{number}", version=1))
    return found


async def main(brand: str) -> None:
    async with open_services(Settings()) as services, services.database.connection(uuid.UUID(brand)) as tx:
        await receiving.take_in(tx, keyring=services.keyring, channel=POS, received=received(documents()))


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
