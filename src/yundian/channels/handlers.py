"""What others tell: a member proved an identity that some document had named."""

from collections.abc import Sequence

from yundian.channels.service import claims
from yundian.members.events import IdentityVerified
from yundian.platform.db.database import Tx
from yundian.platform.outbox.declare import Delivered, batch_subscriber


@batch_subscriber(IdentityVerified, name="channels.credit_claims")
async def credit_claims(tx: Tx, delivered: Sequence[Delivered[IdentityVerified]]) -> None:
    """Orders and refunds that named it are hers, once; her profile and the numbers follow."""
    await claims.settle(tx, hashes={bytes.fromhex(one.event.value_hash) for one in delivered})


SUBSCRIBERS = (credit_claims,)
