"""Why a file is not kept or not taken in. Codes are permanent: these name the room that had such files first."""

from yundian.platform.core.errors import DomainError


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
