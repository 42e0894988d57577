"""What WeChat refuses, and what we refuse of what claims to come from WeChat."""

from yundian.platform.core.errors import DomainError, Unavailable


class WeChatRefused(DomainError):
    """A definite no with WeChat's number for it. ``retryable``: WeChat asks for patience."""

    code = "wechat.refused"
    title = "WeChat refused"

    def __init__(self, errcode: int, *, retryable: bool = False) -> None:
        super().__init__(errcode=errcode)
        self.errcode = errcode
        self.retryable = retryable


class LoginCodeRejected(WeChatRefused):
    """The code is unknown, used up, too old, or another app's: start again."""

    code = "wechat.login_code_rejected"
    status = 400
    title = "The WeChat sign-in has expired"


class WeChatUnavailable(Unavailable):
    """No answer, or none that makes sense; whatever was asked may have happened."""

    code = "wechat.unavailable"
    title = "WeChat does not answer"


class BadPush(DomainError):
    """Not from WeChat: unsigned, sealed with another key, for another app, too old, or no message at all."""

    code = "wechat.bad_push"
    status = 400
    title = "Not a message of WeChat"


class ReplayedPush(BadPush):
    """Exactly this delivery was taken before."""

    code = "wechat.replayed_push"
