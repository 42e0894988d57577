"""HQ takes an import back: in the background, in stretches, and what must stay is told."""

import os
import re
import signal

import anyio
import pytest

from appointments.service import taking_back
from appointments.service.imports import FILES
from tests import nursery
from tests.appointments.hq import PATH, Hq
from tests.appointments.test_booking import tomorrow

pytestmark = pytest.mark.anyio

SHIPPED = FILES.shipped_mappings()["yundian"]


async def test_an_import_is_taken_back_in_the_background_whatever_kills_the_worker(
    hq: Hq, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten came in; one has a history since, one is being worked on. The first worker is killed in its stretch."""
    monkeypatch.setattr(taking_back, "AT_ONCE", 3)
    monkeypatch.setattr(taking_back, "STRETCH_S", 0.0001)
    rows = [hq.row(f"{n:02}", "cancelled", "", day="2026-03-02") for n in range(9)]
    url = await hq.bring_in([*rows, hq.row("09", "confirmed", tomorrow(days=3))], mapping=SHIPPED)
    run_id = await hq.run_id()
    await hq.salon.rows(
        "UPDATE appointments_booking SET state = 'waived', sequence = 1 WHERE brand_id = $1 AND external_id = '03'"
    )

    asked = [await hq.post(f"{PATH}/runs/{run_id}/undo") for _ in range(2)]
    code = await anyio.to_thread.run_sync(lambda: _die_in_a_stretch(hq, run_id))
    after_kill = len(await hq.states())
    first = await hq.take_back(run_id, stretches=1)
    page = await hq.page(url)
    async with hq.salon.services.database.connection(hq.salon.brand.id) as tx:
        await tx.execute(
            "SELECT FROM appointments_booking WHERE brand_id = $1 AND external_id = '08' FOR SHARE", tx.brand
        )
        stretches = await hq.take_back(run_id)
    ended = await hq.page(url)

    assert [answer.status_code for answer in asked] == [303, 303]
    assert asked[0].headers["location"] == url
    assert (code, after_kill, first, stretches) == (-signal.SIGKILL, 10, 1, 3)
    assert "3 of 10 taken out again" in page
    assert 'hx-trigger="every 2s"' in page
    assert "Taken out again: 8 of 10" in ended
    assert "something happened to them since: 1<" in ended
    assert re.search(r"working on them[^<]*: 1<", ended)
    assert await hq.states() == {"03": "waived", "08": "cancelled"}
    assert await hq.salon.rows("SELECT id FROM appointments_occupancy WHERE brand_id = $1") == []
    waiting = "SELECT key FROM outbox_timer WHERE brand_id = $1 AND state = 'set' AND name LIKE '%no_show'"
    assert await hq.salon.rows(waiting) == []

    # Once more, when nobody works on it; then its file comes in again as it was.
    await hq.post(f"{PATH}/runs/{run_id}/undo")
    await hq.take_back(run_id)
    assert await hq.states() == {"03": "waived"}
    assert "Taken out again: 1 of 2" in await hq.page(url)
    await hq.bring_in([*rows, hq.row("09", "confirmed", tomorrow(days=3))], mapping=SHIPPED)
    assert len(await hq.states()) == 10


async def test_an_import_that_still_runs_is_not_taken_back(hq: Hq) -> None:
    await hq.bring_in([hq.row("1", "cancelled", "", day="2026-03-02")], mapping=SHIPPED)
    run_id = await hq.run_id()
    await hq.salon.rows("UPDATE channels_upload SET state = 'running' WHERE brand_id = $1")

    refused = await hq.post(f"{PATH}/runs/{run_id}/undo")

    assert refused.status_code == 409
    assert "请等它结束后再撤回" in refused.text
    assert await hq.take_back(run_id) == 0
    assert await hq.states() == {"1": "cancelled"}


def _die_in_a_stretch(hq: Hq, run_id: str) -> int:
    settings = hq.salon.services.settings
    environment = {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "YUNDIAN_VAR_DIR": str(settings.var_dir),
        "YUNDIAN_ENVIRONMENT": "test",
        "YUNDIAN_TEST_DIE_AT": "appointments.taken_back",
    }
    words = (str(hq.salon.brand.id), run_id)
    code, _ = nursery.run("tests.appointments.undo_worker", *words, environment=environment)
    return code
