"""Why a file, a mapping or a run is refused as a whole. One broken record is data (``Problem``), not an error."""

from yundian.platform.core.errors import DomainError


class BadMapping(DomainError):
    """The mapping file is wrong; ``facts`` hold ``file``, ``key``, ``reason`` and what is ``allowed``."""

    code = "intake.bad_mapping"
    status = 400
    title = "The mapping cannot be used"


class UnusableFile(DomainError):
    """No record of the file can be read: wrong encoding, no header, a mapped column is missing, broken JSON."""

    code = "intake.unusable_file"
    status = 400
    title = "The file cannot be used"


class WorkbookLocked(UnusableFile):
    """Nobody can read it without its password, which is asked of nobody."""

    code = "intake.workbook_locked"
    title = "The workbook has a password"


class RunTaken(DomainError):
    """Another process is importing the same file with the same mapping right now."""

    code = "intake.run_taken"
    title = "This file is being imported already"


class NotReplayable(DomainError):
    """The record was too large or too broken to keep its fields: correct the file and import it again."""

    code = "intake.not_replayable"
    title = "This record cannot be replayed"


class AlreadySettled(DomainError):
    """Somebody replayed or discarded the record in between."""

    code = "intake.already_settled"
    title = "Already replayed or discarded"
