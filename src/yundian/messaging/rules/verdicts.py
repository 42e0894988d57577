"""What a refusal means: the same way again, the next way, or the next way and no consent left."""

from enum import StrEnum

from yundian.platform.sms.types import Fault


class Verdict(StrEnum):
    AGAIN = "again"  # nobody's fault: the same way, later
    NEXT_WAY = "next_way"  # this way does not reach her, or is set up wrongly
    NO_CONSENT = "no_consent"  # WeChat counts fewer consents than we do: forget ours


_NO_CONSENT = frozenset({43101})
# -1 busy, 43108 two at once to one person, 45009 and 45011 too many; the 4xxxx a token that another one replaced.
_AGAIN = frozenset({-1, 43108, 45009, 45011, 40001, 40014, 42001})


def of_wechat(errcode: int) -> Verdict:
    """Everything else takes the next way, and HQ sees the code: she does not follow (43004), no openid of this app
    (40003), outside the window (45015), or our set-up is wrong (40037 template, 47003 fields, 48001 rights)."""
    if errcode in _NO_CONSENT:
        return Verdict.NO_CONSENT
    return Verdict.AGAIN if errcode in _AGAIN else Verdict.NEXT_WAY


def of_sms(fault: Fault) -> Verdict:
    return Verdict.AGAIN if fault is Fault.BUSY else Verdict.NEXT_WAY


def of_token(errcode: int) -> Verdict:
    """No token, so nothing was sent: a wrong secret (40013, 40125, 40164) is our set-up."""
    return Verdict.AGAIN if errcode in _AGAIN else Verdict.NEXT_WAY
