"""The one way in for documents of other systems: over HTTP, from files, from quarantine."""

from collections import Counter
from collections.abc import Mapping, Sequence

from stores import api as stores
from yundian.catalog import api as catalog
from yundian.channels import rules
from yundian.channels.repository import claims as claimed
from yundian.channels.repository import inbox
from yundian.channels.rules import Entry, History, Key
from yundian.channels.service import channels, claims, documents, publishing
from yundian.channels.service.histories import histories_of
from yundian.channels.types import Outcome, Ready, Received, TakenIn
from yundian.members import api as members
from yundian.members.types import Buyer, IdentityKind, Known
from yundian.orders import api as orders
from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.ids import new_id
from yundian.platform.core.steps import step
from yundian.platform.db.database import Tx
from yundian.platform.intake.types import Problem

# What the texts of documents are sealed for.
RAW = "channels.document"
# What the hashes of their contents are keyed for.
CONTENT = "hash:channels.document"

_FRESH = (Outcome.APPLIED, Outcome.STALE)


async def take_in(tx: Tx, *, keyring: Keyring, channel: str, received: Sequence[Received]) -> TakenIn:
    """Keep documents, and make orders, refunds, members' profiles and the numbers what the newest of them say.

    A fixed number of statements for any number of documents, in the caller's transaction; batches of a brand come
    one at a time, until the end of their transactions. In whatever order, batches and repetitions documents come,
    the same state follows. A document that cannot be taken is refused with its problem and keeps nobody waiting;
    the caller puts it in quarantine.

    Raises:
        ChannelUnknown, ChannelPaused: nothing is taken in.
    """
    # Before the lock: what others wait for is short.
    ready = [one.ready or prepare(keyring, one) for one in received]
    await inbox.lock(tx)
    await channels.check_open(tx, code=channel)
    refused = {index: one.problem for index, one in enumerate(ready) if one.problem is not None}
    entries = await _known_shops(tx, _entries(channel, received, ready), refused)
    histories = await histories_of(tx, keys={entry.key for entry in entries})
    rules.decide(entries, histories)
    fresh = [entry for entry in entries if entry.outcome in _FRESH]
    if fresh:
        await _name_buyers(tx, keyring, fresh, histories)
        await _merge(tx, channel, fresh, histories)
    step("channels.taken_in")
    return _taken(received, entries, refused)


def prepare(keyring: Keyring, one: Received) -> Ready:
    """What is long and needs no database: the text sealed, the content hashed, the lines summed up."""
    document, lines = one.document, one.document.lines
    sealed = keyring.seal(RAW, rules.kept_text(one.raw))
    try:
        plain_hash = rules.content_of(document)
    except rules.UnreadableText:
        return Ready(sealed, problem=Problem("channels.unreadable_text", "characters that are no text"))
    return Ready(
        sealed,
        rules.keyed(plain_hash, keyring.key(CONTENT)),
        plain_hash,
        rules.problem_of(document),
        discounts=sum([line.discount_minor for line in lines]),
        totals=sum([line.total_minor for line in lines]),
        pieces=sum([line.quantity for line in lines]),
    )


def _entries(channel: str, received: Sequence[Received], ready: Sequence[Ready]) -> list[Entry]:
    return [
        Entry(
            index,
            one,
            (channel, one.document.shop_code, one.document.external_id),
            known.content_hash,
            rules.version_of(one.document),
            new_id(),
            known,
        )
        for index, (one, known) in enumerate(zip(received, ready, strict=True))
        if known.problem is None
    ]


async def _known_shops(tx: Tx, entries: list[Entry], refused: dict[int, Problem]) -> list[Entry]:
    codes = {entry.key[1] for entry in entries} - {""}
    shops = await stores.ids_of(tx, codes=codes) if codes else {}
    known = []
    for entry in entries:
        code = entry.key[1]
        entry.shop_id = shops.get(code)
        if code and entry.shop_id is None:
            refused[entry.index] = Problem("channels.unknown_shop", "no shop has this code", "shop_code")
        else:
            known.append(entry)
    return known


async def _name_buyers(tx: Tx, keyring: Keyring, fresh: Sequence[Entry], histories: dict[Key, History]) -> None:
    """Verified identities find or make the member; the others are claims. Histories then know whose each is."""
    buyers: dict[int, Buyer] = {}
    claimed_by: dict[int, list[Known]] = {}
    for entry in fresh:
        if entry.document.buyer.identities:
            buyers[entry.index], claimed_by[entry.index] = _identities(entry)
    found = await members.recognise_buyers(tx, keyring=keyring, buyers={*buyers.values()} - {()})
    for entry in fresh:
        entry.member_id = found.get(buyers.get(entry.index, ()))
        histories[entry.key].name(entry.version, entry.member_id)
    new = {
        (entry.key, (known.kind.value, known.scope, members.hash_of(keyring, known)))
        for entry in fresh
        if not buyers.get(entry.index)
        for known in claimed_by.get(entry.index, ())
    }
    if not new and not await claimed.has_any(tx):
        return
    proven = {members.hash_of(keyring, known) for buyer in {*buyers.values()} for known in buyer}
    keys = {entry.key for entry in fresh}
    credited = await claims.claim(tx, new=new, proven=proven, keys=keys)
    histories |= await histories_of(tx, keys=credited.keys() - histories.keys())
    for key, one in credited.items():
        histories[key].claimed = one


def _identities(entry: Entry) -> tuple[Buyer, list[Known]]:
    """The verified ones, and those that are claims; what is masked or has not its form is neither."""
    verified: list[Known] = []
    others: list[Known] = []
    for one in entry.document.buyer.identities:
        known = members.known_as(IdentityKind(one.type.value), one.value, scope=one.scope)
        if known is not None:
            (verified if one.verified else others).append(known)
    return tuple(dict.fromkeys(verified)), others


async def _merge(tx: Tx, channel: str, fresh: Sequence[Entry], histories: Mapping[Key, History]) -> None:
    codes = documents.skus_of(one.winner.document for one in histories.values() if one.winner)
    skus = await catalog.ids_of(tx, codes=codes) if codes else {}
    rows = documents.rows_of(histories, skus)
    _name_subjects(fresh, histories)
    if rows.superseded:
        await inbox.supersede(tx, ids=rows.superseded)
    await inbox.add(tx, entries=fresh, current=rows.current, different=rows.different, now=clock.now())
    step("channels.kept")
    merged = await orders.merge_documents(
        tx,
        orders=rows.orders,
        lines=rows.lines,
        skus=skus,
        returns=rows.returns,
        gone_orders=rows.gone_orders,
        gone_returns=rows.gone_returns,
        members_of_orders=rows.members_of_orders,
        members_of_returns=rows.members_of_returns,
    )
    step("channels.merged")
    await publishing.publish(tx, merged=merged, gone=rows.gone_orders, channel=channel)


def _name_subjects(fresh: Sequence[Entry], histories: Mapping[Key, History]) -> None:
    """Older versions of the same kind are about the same order or refund."""
    for entry in fresh:
        history = histories[entry.key]
        kind = entry.document.kind
        if entry is history.winner:
            continue
        if history.winner is None:
            entry.subject_id = history.subject_of(kind)
        elif history.winner.document.kind is kind:
            entry.subject_id = history.winner.subject_id


def _taken(received: Sequence[Received], entries: Sequence[Entry], refused: Mapping[int, Problem]) -> TakenIn:
    outcomes = [Outcome.REFUSED] * len(received)
    for entry in entries:
        outcomes[entry.index] = entry.outcome
    counts = Counter(outcomes)
    kinds = Counter(entry.document.kind.value for entry in entries if entry.outcome is Outcome.APPLIED)
    return TakenIn(
        applied=counts[Outcome.APPLIED],
        unchanged=counts[Outcome.UNCHANGED] + counts[Outcome.STALE],
        refused=refused,
        tally={**kinds, **({"stale": counts[Outcome.STALE]} if counts[Outcome.STALE] else {})},
        outcomes=tuple(outcomes),
    )
