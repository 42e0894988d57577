"""What was received names people: no table tells of whom, and those who may read it still can."""

import hashlib

import httpx
import pytest

from tests.channels.makers import document, make_channel, rows, take
from tests.channels.sender import make_sender, sale
from tests.channels.test_pages import HELD, LINES
from tests.channels.test_upload import Hq
from tests.people import sign_in_as
from yundian.app.tables import metadata
from yundian.brands.types import BrandView
from yundian.channels import rules, tasks
from yundian.channels.service import importing
from yundian.channels.types import Outcome
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services
from yundian.platform.intake import gathering
from yundian.platform.intake import mapping as mappings
from yundian.platform.intake.batches import Run
from yundian.platform.intake.repository import records

pytestmark = pytest.mark.anyio

PHONE = "13911112222"
BUYER = {"identities": [{"type": "phone", "value": PHONE, "verified": True}]}
FILE = f"""no,at,total,shop,phone
A1,2026-03-01,10.00,,{PHONE}
A2,2026-03-01,{PHONE}x,,{PHONE}
A3,2026-03-01,12.00,SH-9,{PHONE}
""".encode()


@pytest.fixture
async def hq(client: httpx.AsyncClient, services: Services, brand: BrandView) -> Hq:
    await make_channel(services, brand, "pos")
    person = await sign_in_as(services, brand.id, Role.HQ_ADMIN)
    client.headers.update(person.headers)
    return Hq(client, services, brand)


async def told_by(hq: Hq, phone: str) -> set[str]:
    """The tables in which a phone number can be read, as text or as bytes."""
    found = set()
    for table in metadata.tables.values():
        if "brand_id" not in table.columns:
            continue
        for (row,) in await hq.rows(f"SELECT t::text FROM {table.name} t"):
            if phone in row or phone.encode().hex() in row:
                found.add(table.name)
    return found


async def test_no_phone_that_was_received_can_be_read_in_a_table(
    hq: Hq, services: Services, brand: BrandView, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = await make_sender(hq.client, services, brand)
    broken = b'{"external_id": "T-3", "total_minor": "%s"}' % PHONE.encode()
    sent = await sender.send([sale("T-1", buyer=BUYER), sale("T-2", buyer=BUYER, shop_code="SH-9"), broken])
    assert [one["result"] for one in sent.json()["documents"]] == ["applied", "quarantined", "quarantined"]

    async def dies(run: Run) -> None:
        raise ConnectionError("gone")

    upload_id = await hq.keep(FILE, mapping=LINES)
    with monkeypatch.context() as patch:
        patch.setattr(gathering, "close", dies)
        with pytest.raises(ConnectionError):
            await hq.work(upload_id)
    assert await hq.rows("SELECT count(*) FROM intake_staged") == [(3,)]
    assert await told_by(hq, PHONE) == set()
    await hq.work(upload_id)

    assert (await hq.state(upload_id))[0] == "done"
    assert await hq.rows("SELECT count(*), max(octet_length(raw)) FROM intake_quarantine") == [(4, 0)]
    plain = [hashlib.sha256(b"pos\0" + line).digest() for line in [*FILE.splitlines(), broken]]
    assert await hq.rows("SELECT id FROM intake_quarantine WHERE content_hash = ANY($1)", plain) == []
    assert await hq.rows("SELECT count(*) FROM channels_document") == [(2,)]
    assert await told_by(hq, PHONE) == set()
    assert (await hq.page(HELD)).count(PHONE) >= 3
    for (document_id,) in await hq.rows("SELECT id FROM channels_document"):
        assert PHONE in await hq.page(f"/hq/channels/documents/{document_id}")


async def test_what_the_release_before_left_open_is_read_sealed_and_still_known(hq: Hq, brand: BrandView) -> None:
    mapping = mappings.parse(LINES, file="lines")
    kind = importing.orders_kind("pos")
    held_id, run_id, raw = new_id(), new_id(), f"A2,2026-03-01,{PHONE}x,,"
    digest = hashlib.sha256(f"pos\0{raw}".encode()).digest()
    async with hq.services.database.connection(brand.id) as tx:
        await tx.execute(
            "INSERT INTO intake_run (brand_id, id, created_at, kind, scope, file_name, file_sha256, mapping_name,"
            " mapping_sha256, mapping, state, records_read, applied, unchanged, quarantined, error)"
            " VALUES ($1, $2, now(), $3, 'pos', 'f', '', 'm', '', $4, 'finished', 1, 0, 0, 1, '')",
            brand.id, run_id, kind.name, mapping.text,
        )  # fmt: skip
        await tx.execute(
            "INSERT INTO intake_quarantine (brand_id, id, created_at, run_id, kind, line, column_name, code,"
            " reason, raw, source, content_hash, state) VALUES ($1, $2, now(), $3, $4, 2, 'total', 'x', $5, $6,"
            " jsonb_build_object('2', jsonb_build_object('no', 'A2', 'total', $7::text)), $8, 'discarded')",
            brand.id, held_id, run_id, kind.name, f"'{PHONE}x' is not a number", raw, f"{PHONE}x", digest,
        )  # fmt: skip
    before = await hq.page(f"{HELD}/{held_id}")

    await tasks.clean.run(hq.services.database)

    after = await hq.page(f"{HELD}/{held_id}")
    assert raw in before
    assert raw in after
    assert await told_by(hq, PHONE) == set()
    file = f"no,at,total,shop\n{raw}\n".encode()
    upload_id = await hq.keep(file, mapping=LINES)
    await hq.work(upload_id)
    # A person had put it aside: the same content does not come back.
    assert await hq.rows("SELECT id, state FROM intake_quarantine") == [(held_id, "discarded")]
    async with hq.services.database.connection(brand.id) as tx:
        assert await records.seal_old(tx) == 0


async def test_a_content_is_known_by_a_keyed_hash_and_one_of_before_is_known_again(
    services: Services, brand: BrandView
) -> None:
    await make_channel(services, brand, "pos")
    told = document("1001")
    await take(services, brand, told)
    plain = rules.content_of(told)
    sql = "SELECT content_hash FROM channels_document WHERE brand_id = $1"
    assert plain not in [row["content_hash"] for row in await rows(services, brand, sql)]
    assert (await take(services, brand, told)).outcomes == (Outcome.UNCHANGED,)
    # As the release before left it.
    await rows(services, brand, "UPDATE channels_document SET content_hash = $2 WHERE brand_id = $1", plain)
    assert (await take(services, brand, told)).outcomes == (Outcome.UNCHANGED,)
    assert len(await rows(services, brand, sql)) == 1
