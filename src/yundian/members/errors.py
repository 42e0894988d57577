"""Refusals of the members room. None says whether somebody is a member."""

from yundian.platform.core.errors import DomainError, NotFound, Unavailable


class PhoneTaken(DomainError):
    """The phone is another member's; whether both are one person is decided by people, not by a sign-in."""

    code = "members.phone_taken"
    title = "This phone belongs to another member"


class PhoneBound(DomainError):
    """The member has another phone already."""

    code = "members.phone_bound"
    title = "You have bound another phone already"


class WeChatTaken(DomainError):
    """The WeChat account is another member's."""

    code = "members.wechat_taken"
    title = "This WeChat account belongs to another member"


class MemberClosed(DomainError):
    code = "members.closed"
    title = "This membership is closed"


class WrongCode(DomainError):
    """Wrong, used, too old, or tried too often: all look the same."""

    code = "members.wrong_code"
    status = 400
    title = "This code is wrong or too old"


class TooManyCodes(DomainError):
    """To this phone, or from this address; ``retry_after_s`` says when to come back."""

    code = "members.too_many_codes"
    status = 429
    title = "A code was sent already; wait a little before you ask for another"


class CodeNotSent(Unavailable):
    """The SMS provider did not take the message."""

    code = "members.code_not_sent"
    title = "The message could not be sent; try again"


class SignInExpired(DomainError):
    """The way back from WeChat belongs to no sign-in that this browser began, or came twice."""

    code = "members.sign_in_expired"
    status = 400
    title = "The sign-in has expired; begin again"


class WeChatAppUnknown(NotFound):
    code = "members.wechat_app_unknown"
    title = "WeChat is not set up"


class WeChatAppTaken(DomainError):
    """Another brand of this installation uses the app."""

    code = "members.wechat_app_taken"
    title = "This WeChat app is in use already"
