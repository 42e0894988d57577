"""HQ's browser before files of appointments, and the worker behind it."""

import csv
import datetime as dt
import io
import re
import uuid
from collections.abc import Sequence

import httpx

from appointments import tasks
from appointments.service import taking_back
from appointments.service.imports import FILES
from tests.appointments.makers import Salon
from tests.helpers import csrf_token
from yundian.platform.files.service import working
from yundian.platform.outbox import timers
from yundian.platform.outbox.declare import DueTimer

PATH = "/hq/appointments"
NAMES = (
    "external_id", "shop_code", "service_code", "staff", "state", "starts_at", "day", "duration_min", "booked_on",
    "ended_on", "client",
)  # fmt: skip
LOCAL = FILES.shipped_mappings()["yundian"].replace(
    'formats = ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"]', 'formats = ["%Y-%m-%d %H:%M"]\nzone = "Europe/London"'
)


class Hq:
    """An administrator's browser, and the worker behind it."""

    def __init__(self, client: httpx.AsyncClient, salon: Salon, shop_code: str) -> None:
        self.client, self.salon, self.shop_code = client, salon, shop_code

    def row(self, key: str, state: str, start: dt.datetime | str = "", **other: str) -> dict[str, str]:
        at = start if isinstance(start, str) else start.isoformat()
        values = {"external_id": key, "state": state, "starts_at": at, "shop_code": self.shop_code}
        return dict.fromkeys(NAMES, "") | values | {"service_code": "TRIAL", "staff": "化妆师 1"} | other

    async def bring_in(
        self, rows: Sequence[dict[str, str]] | bytes, *, mapping: str = "", name: str = "a.csv"
    ) -> str:
        """Upload, work off; the page of the file."""
        data = rows if isinstance(rows, bytes) else csv_of(rows).encode()
        form = {"_csrf_token": await csrf_token(self.client), "mapping": mapping or LOCAL}
        files = {"file": (name, data, "text/csv")}
        sent = await self.client.post(f"{PATH}/imports", data=form, files=files, headers={"Accept": "text/html"})
        assert sent.status_code == 303, sent.text
        url = sent.headers["location"]
        upload_id = uuid.UUID(url.rsplit("/", 1)[-1])
        await working.work_off(self.salon.services.settings, FILES, self.salon.brand.id, upload_id)
        return str(url)

    async def page(self, url: str, language: str = "en") -> str:
        answer = await self.client.get(url, headers={"Accept": "text/html", "Accept-Language": language})
        assert answer.status_code == 200, answer.text
        return re.sub(r"\s+", " ", answer.text)

    async def post(self, url: str, **fields: str) -> httpx.Response:
        form = {"_csrf_token": await csrf_token(self.client)} | fields
        return await self.client.post(url, data=form, headers={"Accept": "text/html"})

    async def held(self, state: str = "open") -> dict[str, str]:
        """The codes of what waits, by the number in its file."""
        found = await self.salon.rows(
            "SELECT id::text, code FROM intake_quarantine WHERE brand_id = $1 AND state = $2 ORDER BY line", state
        )
        return {str(one["id"]): str(one["code"]) for one in found}

    async def take_back(self, run_id: str, *, stretches: int = 100) -> int:
        """What the worker does when the timer is due; how many stretches it took."""
        due = (
            "SELECT key FROM outbox_timer WHERE brand_id = $1 AND name = 'appointments.take_back'"
            " AND key = $2 AND state = 'set'"
        )
        timer = DueTimer(self.salon.brand.id, taking_back.TIMER, run_id, {})
        for done in range(stretches):
            if not await self.salon.rows(due, run_id):
                return done
            async with self.salon.services.database.unit_of_work(self.salon.brand.id) as session:
                await timers.cancel_timer(session, name=timer.name, key=run_id)
                await tasks.take_back.handle(session, timer)
        return stretches

    async def run_id(self) -> str:
        """Of the only import there is."""
        [run] = await self.salon.rows("SELECT id::text FROM intake_run WHERE brand_id = $1")
        return str(run["id"])

    async def states(self) -> dict[str, str]:
        found = await self.salon.rows(
            "SELECT external_id, state FROM appointments_booking WHERE brand_id = $1 ORDER BY external_id"
        )
        return {str(one["external_id"]): str(one["state"]) for one in found}


def csv_of(rows: Sequence[dict[str, str]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=NAMES)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()
