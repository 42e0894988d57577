"""Why the room refuses. What is wrong with one document is data (``Problem``), not an error."""

from yundian.platform.core.errors import DomainError, NotFound


class UploadTooLarge(DomainError):
    """``max_bytes`` is the longest file that is kept; longer ones go in by the command line."""

    code = "channels.upload_too_large"
    status = 413
    title = "The file is too large: compress it with gzip, cut it, or use the command line"


class UploadRoomFull(DomainError):
    """The brand's files of the last ``days`` days take ``max_bytes`` together."""

    code = "channels.upload_room_full"
    title = "There is no room for more files now: older ones are removed after a week"


class UploadEmpty(DomainError):
    code = "channels.upload_empty"
    status = 400
    title = "The file is empty"


class UploadGone(DomainError):
    code = "channels.upload_gone"
    title = "The file's bytes were removed: upload it again"


class UploadEnded(DomainError):
    """It is being taken in this moment, or its bytes were removed."""

    code = "channels.upload_not_ended"
    title = "The file is being taken in, or was removed"


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
