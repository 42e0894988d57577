"""Why the room refuses. What is wrong with one document is data (``Problem``), not an error."""

from yundian.platform.core.errors import DomainError, NotFound


class BatchMalformed(DomainError):
    """The body is no JSON: where one document ends and the next begins cannot be told. Nothing was taken in."""

    code = "channels.batch_malformed"
    status = 400
    title = "The body is not JSON"


class ChannelUnknown(NotFound):
    """``channel`` is the code that was given."""

    code = "channels.channel_unknown"
    title = "No such sales channel"


class ChannelPaused(DomainError):
    """HQ takes nothing in from it for now: nothing was taken in."""

    code = "channels.channel_paused"
    title = "This sales channel is switched off"


class ChannelCodeTaken(DomainError):
    code = "channels.code_taken"
    title = "There is a sales channel with this code"
