"""What things are called on screens."""

from yundian.messaging.states import AttemptState, MessageState, SkipReason
from yundian.messaging.types import Channel, MessageClass, TemplateView
from yundian.platform.core.settings import Settings
from yundian.platform.web.i18n import gettext as _


def state_label(state: MessageState) -> str:
    return {
        MessageState.QUEUED: _("Queued"),
        MessageState.WAITING_QUIET: _("Waits for the morning"),
        MessageState.CHECKING: _("Being checked"),
        MessageState.SENDING: _("Being sent"),
        MessageState.SENT: _("Sent out"),
        MessageState.DELIVERED: _("Delivered"),
        MessageState.UNKNOWN: _("Perhaps sent"),
        MessageState.FAILED: _("Failed"),
        MessageState.SKIPPED: _("Left out"),
        MessageState.PARKED: _("Needs a person"),
    }[state]


def attempt_label(state: AttemptState) -> str:
    return {
        AttemptState.STARTED: _("Begun"),
        AttemptState.ACCEPTED: _("Taken"),
        AttemptState.REFUSED: _("Refused"),
        AttemptState.UNKNOWN: _("Unknown"),
    }[state]


def class_label(message_class: MessageClass) -> str:
    return {
        MessageClass.ORDER: _("Orders and groups"),
        MessageClass.APPOINTMENT: _("Appointments"),
        MessageClass.MARKETING: _("Offers and tips"),
    }[message_class]


def channel_label(channel: str) -> str:
    return {
        Channel.MINI.value: _("Mini program"),
        Channel.OFFICIAL.value: _("Official account"),
        Channel.SMS.value: _("SMS"),
    }.get(channel, "–")


def credit_label(what: str) -> str:
    """Why a number of consents changed."""
    return {
        "gained": _("The member agreed"),
        "used": _("Used by a message"),
        "returned": _("Given back: the message did not go"),
        "voided": _("WeChat knew of no consent"),
        "refused": _("The member switched it off in WeChat"),
    }.get(what, what)


def template_label(code: str) -> str:
    return {
        "group.filled": _("Group complete"),
        "group.expired": _("Group not filled, refund"),
        "order.ready": _("Ready for pick-up"),
        "order.uncollected": _("Not picked up yet"),
        "order.refunded": _("Refund arrived"),
        "appointment.confirmed": _("Appointment confirmed"),
        "appointment.changed": _("Appointment changed"),
        "appointment.reassigned": _("Somebody else serves"),
        "appointment.choose": _("The customer is to choose anew"),
        "appointment.declined": _("Request declined"),
        "appointment.cancelled": _("Appointment cancelled"),
        "appointment.reminder_24h": _("Reminder, a day before"),
        "appointment.reminder_2h": _("Reminder, two hours before"),
        "appointment.waitlist_offer": _("A place has become free"),
        "appointment.follow_up": _("After the appointment"),
    }.get(code, code)


def reasons() -> list[tuple[str, str]]:
    """What HQ may search the log by."""
    kinds = {"refused": _("Refused"), "busy": _("The provider was busy"), "unclear": _("The answer was lost")}
    return [(one.value, _skip_label(one)) for one in SkipReason if one is not SkipReason.ERASED] + list(
        kinds.items()
    )


def reason_kind_label(kind: str) -> str:
    """A reason without the provider's word."""
    return dict(reasons()).get(kind) or reason_label(kind)


def reason_label(reason: str) -> str:
    """Why a message stands where it stands; a provider's own word is shown as it is, explained if we know it."""
    if reason in set(SkipReason):
        return _skip_label(SkipReason(reason))
    kind, colon, code = reason.partition(":")
    if colon and kind in ("busy", "refused", "unclear"):
        return _outcome_label(kind, code)
    return {
        "quiet_hours": _("Quiet hours"),
        "asked": _("Waiting to hear whether it is still true"),
        "no_answer_of_owner": _("Nobody could say whether it is still true"),
        "unreadable": _("Its values cannot be read"),
    }.get(kind, reason)


def _skip_label(reason: SkipReason) -> str:
    return {
        SkipReason.NO_CHANNEL: _("No way to reach the member"),
        SkipReason.NO_CREDIT: _("No consent left in the mini program, and no other way"),
        SkipReason.OPTED_OUT: _("The member does not want these"),
        SkipReason.NO_CONSENT: _("The member has not agreed to these"),
        SkipReason.FREQUENCY_CAP: _("The member got enough of these that day"),
        SkipReason.TOO_LATE: _("Too late to be of use"),
        SkipReason.OUTDATED: _("Not true any more"),
        SkipReason.WITHDRAWN: _("Taken back"),
        SkipReason.DISABLED: _("The template is switched off"),
        SkipReason.MEMBER_CLOSED: _("The membership is closed"),
        SkipReason.ERASED: _("Erased"),
    }[reason]


def _outcome_label(kind: str, code: str) -> str:
    known = code_label(code)
    shown = f"{known} ({code})" if known else code
    if kind == "busy":
        return _("The provider was busy: %(code)s", code=shown)
    if kind == "unclear":
        return _("The provider's answer was lost: %(code)s", code=shown)
    return _("Refused: %(code)s", code=shown)


def code_label(code: str) -> str:
    """What a provider's code means, for those that HQ can do something about; else empty."""
    return {
        "43101": _("WeChat knows of no consent"),
        "43004": _("does not follow the account"),
        "40003": _("no openid of this app"),
        "40037": _("WeChat does not know the template id"),
        "47003": _("the fields do not fit the template"),
        "48001": _("the account may not send these"),
        "no_provider": _("no SMS provider is set up"),
        "no_template": _("the provider needs a template number"),
        "lost": _("the worker died meanwhile"),
        "no_time": _("the worker had no time left"),
        "unreached": _("no connection"),
        "status_429": _("too many messages at once"),
        "40001": _("WeChat did not accept our token"),
        "42001": _("WeChat did not accept our token"),
        "45009": _("today's quota at WeChat is used up"),
        "45011": _("too many messages at once"),
        "45015": _("outside the time in which WeChat allows this"),
        "BUSY": _("too many messages at once"),
        "NO_BALANCE": _("no balance left at the SMS provider"),
        "isv.AMOUNT_NOT_ENOUGH": _("no balance left at the SMS provider"),
        "isv.OUT_OF_SERVICE": _("no balance left at the SMS provider"),
        "isv.SMS_TEMPLATE_ILLEGAL": _("the SMS provider does not know the template number"),
        "isv.SMS_SIGNATURE_ILLEGAL": _("the SMS provider does not know the signature"),
        "isv.BUSINESS_LIMIT_CONTROL": _("the SMS provider's limit for this number is reached"),
        "isv.MOBILE_NUMBER_ILLEGAL": _("the SMS provider does not know this number"),
        "isv.BLACK_KEY_CONTROL_LIMIT": _("a word in it is not allowed"),
        "failed:user block": _("she blocked the account"),
        "failed: system failed": _("WeChat could not hand it over"),
        "shape": _("an answer that says nothing"),
    }.get(code) or _broken_label(code)


def _broken_label(code: str) -> str:
    """What went wrong on the way, where the provider said nothing of its own."""
    if code.startswith("status"):
        return _("the provider answered with an error")
    is_cut = code == "BrokenOff" or code.endswith(("TimeoutError", "DisconnectedError", "OSError"))
    return _("the connection broke off") if is_cut else ""


def why_no_sms(template: TemplateView, settings: Settings, *, is_on: bool) -> str:
    """What is missing for short messages of a template; empty when nothing is."""
    if not is_on:
        return _("SMS is switched off")
    if not settings.sms_url and not settings.sms_aliyun_key_id:
        return _("SMS: no provider is set up")
    if settings.sms_aliyun_key_id and not all(text.sms_template for text in template.texts.values()):
        return _("SMS: a template number is missing")
    return ""


TONES = {
    "queued": "info",
    "waiting_quiet": "info",
    "checking": "info",
    "sending": "info",
    "sent": "good",
    "delivered": "good",
    "unknown": "warn",
    "failed": "bad",
    "skipped": "neutral",
    "parked": "bad",
    "started": "info",
    "accepted": "good",
    "refused": "bad",
}
