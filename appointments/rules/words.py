"""What the words of other systems' lists mean: names of columns, states, and how their times are written."""

import datetime as dt
import functools
import re
import unicodedata
from collections.abc import Mapping, Sequence

from yundian.platform.intake import moments

BY_TIME = "by_time"
NOWHERE = "-"
LONGEST = 160

# The names of columns, the surest first. A longer name that holds one of them counts less.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "external_id": (
        "预约编号", "预约单号", "预约号", "预约id", "订单编号", "订单号", "单号", "流水号", "external id",
        "appointment id", "booking id", "appointment number", "booking number", "booking no", "reservation id",
        "reference", "编号", "id",
    ),
    "shop_code": (
        "门店编号", "门店编码", "门店代码", "预约门店", "门店名称", "门店", "店铺", "分店", "店名", "shop code",
        "store code", "shop", "store", "location", "branch", "salon",
    ),
    "service_code": (
        "项目编号", "项目编码", "服务编号", "服务项目", "预约项目", "项目名称", "服务名称", "项目", "服务",
        "service code", "service name", "service", "treatment", "appointment type",
    ),
    "staff": (
        "员工", "员工姓名", "技师", "化妆师", "美容师", "发型师", "美甲师", "服务人员", "服务员工", "顾问",
        "staff", "staff member", "stylist", "artist", "employee", "therapist", "technician", "provider",
    ),
    "state": ("状态", "预约状态", "订单状态", "state", "status", "appointment status", "booking status"),
    "starts_at": (
        "开始时间", "预约时间", "到店时间", "服务时间", "预约开始时间", "starts at", "start time", "start",
        "appointment time", "booking time", "date time", "time", "时间",
    ),
    "ends_at": ("结束时间", "预约结束时间", "ends at", "end time", "end", "finish"),
    "day": (
        "预约日期", "到店日期", "服务日期", "日期", "day", "date", "appointment date", "booking date",
    ),
    "duration_min": (
        "时长", "服务时长", "预计时长", "时长分钟", "分钟", "duration min", "duration", "minutes", "length",
    ),
    "booked_on": (
        "下单时间", "创建时间", "下单日期", "登记时间", "提交时间", "booked on", "booked at", "created at",
        "created on", "creation date", "order date",
    ),
    "ended_on": (
        "取消时间", "取消日期", "cancel date", "cancelled on", "cancelled at", "canceled at", "cancellation date",
    ),
    "client": (
        "客户编号", "会员编号", "会员号", "客户", "顾客", "会员", "顾客姓名", "客户姓名", "customer code",
        "client code", "customer", "client", "guest", "member", "code",
    ),
    "reason": (
        "取消原因", "原因", "reason", "cancellation reason", "canceled by", "cancelled by",
    ),
}  # fmt: skip

STATES: Mapping[str, str] = {
    word: state
    for state, words in {
        "confirmed": (
            "confirmed", "booked", "upcoming", "scheduled", "accepted", "已预约", "已确认", "待到店", "待服务",
            "预约成功", "预约中",
        ),
        "completed": (
            "completed", "complete", "done", "served", "paid", "finished", "arrived", "checked in", "已完成",
            "完成", "已到店", "已服务", "已结束", "已核销", "已签到",
        ),
        "cancelled": (
            "cancelled", "canceled", "cancelled by client", "已取消", "取消", "用户取消", "顾客取消", "商家取消",
            "门店取消",
        ),
        "cancelled_late": ("cancelled_late", "late cancel", "late cancellation", "临时取消", "迟取消"),
        "no_show": ("no_show", "no show", "no-show", "noshow", "missed", "爽约", "未到店", "未到", "失约"),
        BY_TIME: (BY_TIME,),
    }.items()
    for word in words
}  # fmt: skip

DAYS = (
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
)
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p")
_CLOCK_ALONE = re.compile(r"\d{1,2}[:点时]\d{0,2}([:分]\d{1,2})?\s*(am|pm)?", re.IGNORECASE)
_MARKS = re.compile(r"[\s_\-/\\.,:：()（）【】*#]+")


@functools.lru_cache(8_192)
def known_as(text: str) -> str:
    """A word as it is compared: without case, width and marks around."""
    return unicodedata.normalize("NFKC", text).strip().casefold()[:LONGEST]


def guessed_columns(header: Sequence[str]) -> dict[str, str]:
    """Which column is which field, by their names; each is one at most."""
    plain = {name: _MARKS.sub("", known_as(name)) for name in header if name and not name.startswith("#")}
    scores = []
    for field, words in COLUMNS.items():
        for rank, word in enumerate(words):
            wanted = _MARKS.sub("", word)
            for place, (name, said) in enumerate(plain.items()):
                if said == wanted:
                    scores.append((1000 - rank, -place, field, name))
                elif len(wanted) >= (2 if not wanted.isascii() else 4) and wanted in said:
                    scores.append((500 + len(wanted) * 10 - rank, -place, field, name))
    found: dict[str, str] = {}
    for _score, _place, field, name in sorted(scores, reverse=True):
        if field not in found and name not in found.values():
            found[field] = name
    return found


def is_clock(texts: Sequence[str]) -> bool:
    """Only a time of day stands there, on none."""
    return bool(texts) and all(_CLOCK_ALONE.fullmatch(text.strip()) for text in texts)


def has_clock(texts: Sequence[str]) -> bool:
    """A time of day stands beside the day."""
    return any(":" in text or "点" in text or "时" in text for text in texts)


def formats_of(texts: Sequence[str]) -> list[str]:
    """In which ways all of these days or times can be read, the likeliest first; none: in no way known here."""
    filled = [text for text in texts if text.strip()]
    found = [moments.ANY] if all(moments.moment(text) is not None for text in filled) else []
    ways = [day + clock for day in DAYS for clock in _CLOCKS]
    return found or [way for way in ways if filled and all(_reads(text.strip(), way) for text in filled)]


def _reads(text: str, way: str) -> bool:
    try:
        dt.datetime.strptime(text, way)  # noqa: DTZ007  only whether it can be read
    except ValueError:
        return False
    return True
