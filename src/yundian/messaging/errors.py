"""Refusals of messaging."""

from yundian.platform.core.errors import DomainError, NotFound


class TemplateUnknown(NotFound):
    """The house has no such template."""

    code = "messaging.template_unknown"
    title = "There is no such message template"


class ValuesIncomplete(DomainError):
    """A template needs values that were not given. A mistake in code, not of a person."""

    code = "messaging.values_incomplete"
    status = 500
    title = "The message lacks values"


class MessageUnknown(NotFound):
    code = "messaging.message_unknown"
    title = "There is no such message"


class NotToSendAgain(DomainError):
    """It is on its way, or arrived, or was left out on purpose."""

    code = "messaging.not_to_send_again"
    title = "This message cannot be sent again"


class NobodyToTest(DomainError):
    code = "messaging.nobody_to_test"
    status = 400
    title = "No member has this phone number"


class AppNotSetUp(DomainError):
    """Consents belong to an app of the brand at WeChat, and there is none of this kind."""

    code = "messaging.app_not_set_up"
    title = "WeChat is not set up"


class AttemptUnderWay(DomainError):
    """WeChat told the end of a message before we have written down that it began."""

    code = "messaging.attempt_under_way"
    status = 503
    title = "The message is being sent"


class BadCallback(DomainError):
    """Not from the provider of short messages, or nothing that it would say."""

    code = "messaging.bad_callback"
    status = 400
    title = "Not a report of the SMS provider"
