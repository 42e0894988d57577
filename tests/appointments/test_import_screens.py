"""HQ brings appointments of another system in: a file, its worker, and what was held."""

import datetime as dt
import io
import re
from collections import Counter

import pytest
import xlsxwriter

from appointments.service.imports import FILES
from tests.appointments.hq import LOCAL, PATH, Hq, csv_of
from tests.appointments.test_booking import tomorrow
from tests.helpers import csrf_token

pytestmark = pytest.mark.anyio


async def test_what_was_held_is_told_in_the_reader_s_language_mended_and_put_aside(hq: Hq) -> None:
    past = "2026-03-29 01:30"  # London's clocks went from one to two
    url = await hq.bring_in(
        [
            hq.row("1", "cancelled", "2026-03-02 10:00"),
            hq.row("2", "no_show", past),
            hq.row("3", "no_show", "2026-03-03 10:00", staff="=HYPERLINK(1)"),
            hq.row("4", "cancelled", "yesterday"),
            hq.row("5", "cancelled", "2026-03-02 10:00", booked_on="2026-03-04"),
            hq.row("1", "no_show", "2026-03-02 10:00"),
            hq.row("6", "lost", "2026-03-02 10:00"),
        ]
    )
    chinese, english = await hq.page(url, "zh-CN"), await hq.page(url)
    held = await hq.held()
    by_code = {code: key for key, code in held.items()}

    record = f"{PATH}/quarantine/{by_code['appointments.staff_unknown']}"
    refused = await hq.post(f"{record}/replay", column="staff", value="谁")
    mended = await hq.client.post(
        f"{record}/replay",
        data={
            "_csrf_token": await csrf_token(hq.client), "column": "staff", "value": "化妆师 2"
        },
    )  # fmt: skip
    again = await hq.post(f"{record}/replay", column="staff", value="化妆师 2")
    wrong_day = f"{PATH}/quarantine/{by_code['appointments.impossible']}"
    await hq.post(f"{wrong_day}/discard")
    undone = await hq.post(f"{wrong_day}/undo")
    tried = await hq.post(f"{PATH}/quarantine/replay")

    assert sorted(held.values()) == [
        "appointments.impossible", "appointments.staff_unknown", "appointments.state_unknown", "intake.double_key",
        "intake.no_such_time", "intake.not_a_date",
    ]  # fmt: skip
    assert "2026-03-29 01:30&#39; did not happen in Europe/London" in english
    assert "2026-03-29 01:30&#39; 在 Europe/London 不存在" in chinese
    for sentence in ("预约日期晚于", "该门店没有叫这个名字的员工", "重复"):
        assert sentence in chinese, sentence
    assert (refused.status_code, mended.status_code, again.status_code) == (400, 303, 409)
    assert undone.status_code == tried.status_code == 303
    assert await hq.states() == {"1": "cancelled", "3": "no_show"}
    # The second one with the number 1 is settled: what is here already stays as it is.
    assert len(await hq.held()) == 4
    assert "Undo the discard" not in await hq.page(wrong_day)


async def test_what_is_to_come_has_its_chair_and_who_does_not_come_is_given_up(hq: Hq) -> None:
    mapping, at = FILES.shipped_mappings()["yundian"], tomorrow(days=3)
    await hq.bring_in(
        [
            hq.row("1", "confirmed", at),
            hq.row("2", "confirmed", at, staff="化妆师 2"),
            hq.row("3", "confirmed", at + dt.timedelta(hours=1), staff="化妆师 2"),
        ],
        mapping=mapping,
    )

    assert await hq.states() == {"1": "confirmed", "3": "confirmed"}
    [held] = await hq.salon.rows("SELECT code, reason FROM intake_quarantine WHERE brand_id = $1")
    assert held == {"code": "appointments.overlap", "reason": "no chair is free then"}
    busy = await hq.salon.rows("SELECT resource_id FROM appointments_occupancy WHERE brand_id = $1 AND is_live")
    assert sorted(str(one["resource_id"]) for one in busy) == sorted(
        map(str, [*hq.salon.staff[:2], *hq.salon.chairs * 2])
    )
    assert at not in await hq.salon.starts(at.date())
    timers = await hq.salon.rows("SELECT due_at FROM outbox_timer WHERE brand_id = $1 AND name LIKE '%no_show'")
    assert min(str(one["due_at"]) for one in timers) == str(at + dt.timedelta(minutes=15))


async def test_a_list_is_read_in_the_encoding_it_has_or_held_line_by_line(hq: Hq) -> None:
    cases = (("gb18030", "gb18030"), ("utf-16", "utf-8"), ("utf-8-sig", "utf-8"), ("gbk", "utf-8"))
    for encoding, said in cases:
        rows = [hq.row(f"{encoding} {n:02}", "cancelled", "2026-03-02 10:00") for n in range(30)]
        data = csv_of(rows).encode(encoding)
        cut = data[:-9] + b'"' if encoding == "gb18030" else data
        await hq.bring_in(cut, mapping=LOCAL.replace('encoding = "utf-8"', f'encoding = "{said}"'))

    here = Counter(key.split()[0] for key in await hq.states())
    held = Counter((await hq.held()).values())

    assert here == {"gb18030": 29, "utf-16": 30, "utf-8-sig": 30}
    assert held == {"intake.wrong_number_of_columns": 1, "intake.bad_bytes": 30}


async def test_a_file_that_comes_again_shows_what_is_still_held_of_it(hq: Hq) -> None:
    rows = [hq.row("1", "cancelled", "2026-03-02 10:00"), hq.row("2", "no_show", "2026-03-03 10:00", staff="谁")]
    await hq.bring_in(rows)

    again = await hq.page(await hq.bring_in(rows))

    assert "appointments.staff_unknown" in again
    assert len(await hq.held()) == 1


async def test_a_list_out_of_a_spreadsheet_comes_in_as_it_is_and_says_what_to_do_where_it_does_not(hq: Hq) -> None:
    """A workbook with a title above, times as people write them, and sums below; then what is none."""
    names = ["预约编号", "门店编号", "项目编号", "员工", "状态", "开始时间", "客户", "电话"]
    good = ["E1", hq.shop_code, "TRIAL", "化妆师 1", "已完成", "2024/3/5 下午2:30", "C1", "+86 138 0013 8000"]
    bad = ["E2", "NOWHERE", "TRIAL", "化妆师 1", "已完成", "2024-03-06 10:00", "C2", "13800138000"]
    made = io.BytesIO()
    with xlsxwriter.Workbook(made) as book:
        sheet = book.add_worksheet()
        sheet.merge_range(0, 0, 0, 7, "2024年3月 预约表")
        for number, row in enumerate((names, good, bad, [""], ["合计", "", "", "", "", "", "", "2"]), start=1):
            sheet.write_row(number, 0, row)
    mapping = FILES.shipped_mappings()["excel_zh"]

    url = await hq.bring_in(made.getvalue(), mapping=mapping, name="预约.xlsx")
    page, held = await hq.page(url), await hq.held()
    [key] = held
    record = await hq.page(f"{PATH}/quarantine/{key}")
    wrong = await hq.page(await hq.bring_in("单号;店\r\n1;2\r\n".encode("gbk"), mapping=mapping), "en")
    old = await hq.page(await hq.bring_in(b"\xd0\xcf\x11\xe0" + b"\0" * 600, mapping=mapping, name="a.xls"))
    other = await hq.post(f"{PATH}/quarantine/replay", run="no id")
    await hq.post(f"{PATH}/quarantine/{key}/replay", column="门店编号", value=hq.shop_code)

    assert "预约.xlsx" in page
    assert held == {key: "appointments.shop_unknown"}
    assert re.search(r'id="column-1" name="value" value="NOWHERE" aria-invalid="true"', record)
    assert "Missing: 员工, 客户, 开始时间, 状态, 门店编号, 项目编号, 预约编号 · In the file: 单号, 店" in wrong
    assert "the workbook cannot be read: open it and save it anew" in old
    assert other.status_code == 400
    assert await hq.states() == {"E1": "completed", "E2": "completed"}
    [one] = await hq.salon.rows(
        "SELECT starts_at::text FROM appointments_booking WHERE brand_id = $1 AND external_id = 'E1'"
    )
    assert str(one["starts_at"]).startswith("2024-03-05 06:30")
