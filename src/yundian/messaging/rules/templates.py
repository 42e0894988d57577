"""The templates of the house: what there is to say, with words in both languages that a brand may change."""

from dataclasses import dataclass
from types import MappingProxyType

from yundian.messaging.errors import TemplateUnknown
from yundian.messaging.types import MessageClass, TemplateText

LOCALES = ("zh_CN", "en")
# Every template may use these besides its own names.
COMMON_NAMES = ("brand", "link")


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseTemplate:
    """``names`` are the values it needs. Urgent ones are sent at night too; nobody collects goods then.

    ``is_told_in_time``: it waits for the morning, but not so long that what it tells of has begun (ADR 0028).
    """

    code: str
    message_class: MessageClass
    is_urgent: bool
    names: tuple[str, ...]
    zh: TemplateText
    en: TemplateText
    is_told_in_time: bool = False

    @property
    def texts(self) -> dict[str, TemplateText]:
        return {"zh_CN": self.zh, "en": self.en}


def _text(sms: str, **fields: str) -> TemplateText:
    """WeChat's field names differ by template; these fit the ones its library offers for the purpose."""
    return TemplateText(sms=sms, official=fields, mini=fields)


_VISIT = {"thing1": "{service}", "thing2": "{shop}", "time3": "{starts_at}"}
_VISIT_NAMES = ("service", "shop", "staff", "starts_at")

_ALL = (
    HouseTemplate(
        code="group.filled",
        message_class=MessageClass.ORDER,
        is_urgent=False,
        names=("group", "order"),
        zh=_text(
            "恭喜，您参加的拼团 {group} 已成团！订单 {order} 有新进展时会再通知您。详情：{link}",
            character_string1="{order}",
            phrase2="拼团成功",
            character_string3="{group}",
        ),
        en=_text(
            "Your group {group} is complete! We will tell you how order {order} goes on. {link}",
            character_string1="{order}",
            phrase2="Full",
            character_string3="{group}",
        ),
    ),
    HouseTemplate(
        code="group.expired",
        message_class=MessageClass.ORDER,
        is_urgent=False,
        names=("order", "product", "amount"),
        zh=_text(
            "很抱歉，「{product}」拼团未成功，已付的 {amount} 将原路退回。详情：{link}",
            thing1="{product}",
            phrase2="拼团失败",
            amount3="{amount}",
        ),
        en=_text(
            "Your group buy of {product} did not succeed. {amount} goes back the way you paid. {link}",
            thing1="{product}",
            phrase2="Over",
            amount3="{amount}",
        ),
    ),
    HouseTemplate(
        code="order.ready",
        message_class=MessageClass.ORDER,
        is_urgent=False,
        names=("order", "product", "shop"),
        zh=_text(
            "您的订单 {order}（{product}）可以到{shop}取货了，请出示核销码：{link}",
            character_string1="{order}",
            thing2="{product}",
            thing3="{shop}",
        ),
        en=_text(
            "Order {order} ({product}) is ready at {shop}. Show your pick-up code: {link}",
            character_string1="{order}",
            thing2="{product}",
            thing3="{shop}",
        ),
    ),
    HouseTemplate(
        code="order.uncollected",
        message_class=MessageClass.ORDER,
        is_urgent=False,
        names=("order", "product", "shop", "until"),
        zh=_text(
            "您的订单 {order}（{product}）还在{shop}等您取货，{until} 前未取将自动退款。核销码：{link}",
            character_string1="{order}",
            thing2="{product}",
            thing3="{shop}",
            time4="{until}",
        ),
        en=_text(
            "Order {order} ({product}) waits at {shop}. Please come before {until}, or it is paid back. {link}",
            character_string1="{order}",
            thing2="{product}",
            thing3="{shop}",
            time4="{until}",
        ),
    ),
    HouseTemplate(
        code="order.refunded",
        message_class=MessageClass.ORDER,
        is_urgent=False,
        names=("order", "product", "amount"),
        zh=_text(
            "您的订单 {order} 已退款 {amount}，款项原路退回，到账时间以支付渠道为准。详情：{link}",
            character_string1="{order}",
            thing2="{product}",
            amount3="{amount}",
        ),
        en=_text(
            "{amount} of order {order} was refunded the way you paid. {link}",
            character_string1="{order}",
            thing2="{product}",
            amount3="{amount}",
        ),
    ),
    HouseTemplate(
        code="appointment.confirmed",
        message_class=MessageClass.APPOINTMENT,
        is_told_in_time=True,
        is_urgent=True,
        names=_VISIT_NAMES,
        zh=_text("您已预约 {starts_at} {shop}「{service}」，期待您的光临。详情：{link}", **_VISIT),
        en=_text("Booked: {service} at {shop}, {starts_at}. {link}", **_VISIT),
    ),
    HouseTemplate(
        code="appointment.changed",
        message_class=MessageClass.APPOINTMENT,
        is_told_in_time=True,
        is_urgent=True,
        names=_VISIT_NAMES,
        zh=_text("您在{shop}预约的「{service}」已改至 {starts_at}。详情：{link}", **_VISIT),
        en=_text("Your {service} at {shop} was moved to {starts_at}. {link}", **_VISIT),
    ),
    HouseTemplate(
        code="appointment.reassigned",
        message_class=MessageClass.APPOINTMENT,
        is_told_in_time=True,
        is_urgent=False,
        names=_VISIT_NAMES,
        zh=_text(
            "您预约的 {starts_at} {shop}「{service}」将由{staff}为您服务，时间不变。详情：{link}",
            **_VISIT,
            thing4="{staff}",
        ),
        en=_text(
            "{staff} will take care of your {service} at {shop}, {starts_at}. The time stays. {link}",
            **_VISIT,
            thing4="{staff}",
        ),
    ),
    HouseTemplate(
        code="appointment.choose",
        message_class=MessageClass.APPOINTMENT,
        is_told_in_time=True,
        is_urgent=True,
        names=_VISIT_NAMES,
        zh=_text(
            "抱歉，您预约的 {starts_at} {shop}「{service}」因人员变动无法按原安排进行，请重新选择或取消：{link}",
            **_VISIT,
        ),
        en=_text(
            "Sorry: nobody can take your {service} at {shop}, {starts_at}. Please choose another time: {link}",
            **_VISIT,
        ),
    ),
    HouseTemplate(
        code="appointment.declined",
        message_class=MessageClass.APPOINTMENT,
        is_urgent=True,
        names=("service", "shop", "starts_at", "reason"),
        zh=_text(
            "很抱歉，{shop}无法安排您申请的 {starts_at}「{service}」。{reason} 请选择其他时间：{link}",
            **_VISIT,
            thing4="{reason}",
        ),
        en=_text(
            "Sorry: {shop} cannot take you for {service}, {starts_at}. {reason} Choose another time: {link}",
            **_VISIT,
            thing4="{reason}",
        ),
    ),
    HouseTemplate(
        code="appointment.cancelled",
        message_class=MessageClass.APPOINTMENT,
        is_urgent=True,
        names=("service", "shop", "starts_at", "reason"),
        zh=_text("您预约的 {starts_at} {shop}「{service}」已取消。{reason} {link}", **_VISIT, thing4="{reason}"),
        en=_text("Cancelled: {service} at {shop}, {starts_at}. {reason} {link}", **_VISIT, thing4="{reason}"),
    ),
    HouseTemplate(
        code="appointment.reminder_24h",
        message_class=MessageClass.APPOINTMENT,
        is_urgent=False,
        names=_VISIT_NAMES,
        zh=_text("提醒：您预约了 {starts_at} {shop}「{service}」。如需改期请点：{link}", **_VISIT),
        en=_text("Reminder: {service} at {shop}, {starts_at}. To change it: {link}", **_VISIT),
    ),
    HouseTemplate(
        code="appointment.reminder_2h",
        message_class=MessageClass.APPOINTMENT,
        is_urgent=True,
        names=_VISIT_NAMES,
        zh=_text("您预约的「{service}」将于 {starts_at} 在{shop}开始，路上请注意安全。{link}", **_VISIT),
        en=_text("Soon: {service} at {shop}, {starts_at}. See you there. {link}", **_VISIT),
    ),
    HouseTemplate(
        code="appointment.waitlist_offer",
        message_class=MessageClass.APPOINTMENT,
        is_urgent=True,
        names=("service", "shop", "starts_at", "until"),
        zh=_text(
            "您候补的「{service}」有空位了：{starts_at}，{shop}。请在 {until} 前确认：{link}",
            **_VISIT,
            time4="{until}",
        ),
        en=_text(
            "A place is free: {service} at {shop}, {starts_at}. Yours until {until}: {link}",
            **_VISIT,
            time4="{until}",
        ),
    ),
    HouseTemplate(
        code="appointment.follow_up",
        message_class=MessageClass.MARKETING,
        is_urgent=False,
        names=("service", "shop", "staff"),
        zh=_text(
            "感谢您体验{shop}的「{service}」，喜欢这次的妆容吗？同款产品请看：{link} 拒收请回复R",
            thing1="{service}",
            thing2="{shop}",
        ),
        en=_text(
            "Thank you for your {service} at {shop}. The products we used: {link} Reply R to stop.",
            thing1="{service}",
            thing2="{shop}",
        ),
    ),
)

TEMPLATES = MappingProxyType({template.code: template for template in _ALL})


def house_template(code: str) -> HouseTemplate:
    """The house's template; ``TemplateUnknown`` where there is none."""
    found = TEMPLATES.get(code)
    if found is None:
        raise TemplateUnknown(template=code)
    return found
