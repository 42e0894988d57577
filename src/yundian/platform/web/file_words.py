"""What screens call the standing of files, and of records that could not be taken in."""

from yundian.platform.intake.models import QuarantineState, RunState
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.reasons import said

STATE_TONES = {"open": "warn", "replayed": "good", "discarded": "neutral"}
RUN_TONES = {"waiting": "info", "running": "info", "finished": "good", "failed": "bad", "interrupted": "warn"}


def state_label(state: QuarantineState) -> str:
    """What became of a record, for people."""
    return {
        QuarantineState.OPEN: _("To be looked at"),
        QuarantineState.REPLAYED: _("Taken in"),
        QuarantineState.DISCARDED: _("Discarded"),
    }[state]


def state_choices() -> list[tuple[str, str]]:
    return [(item.value, state_label(item)) for item in QuarantineState]


def run_label(state: RunState | str) -> str:
    """How a file stands: that of its run, or before it has one."""
    return {
        "waiting": _("Waiting for a worker"),
        "running": _("Running"),
        "finished": _("Finished"),
        "failed": _("Failed"),
        "interrupted": _("Interrupted"),
    }[str(state)]


def unusable(told: str) -> str:
    """Why nothing more of a file could be read: the sentence in the reader's language, then what it quotes."""
    sentence, *facts = told.split(" | ")
    return " · ".join([said(sentence), *map(_fact, facts)])


def _fact(text: str) -> str:
    name, colon, value = text.partition(": ")
    names = {
        "missing": _("Missing"),
        "present": _("In the file"),
        "line": _("Line"),
        "record": _("Record"),
        "sheet": _("Sheet"),
        "columns": _("Columns"),
        "hint": _("Perhaps"),
        "detail": _("In detail"),
        "bytes": _("Bytes"),
    }
    return f"{names[name]}: {said(value)}" if colon and name in names else text


def size(count: int) -> str:
    """Bytes for people."""
    if count < 1024:
        return _("%(number)s bytes", number=count)
    if count < 1024 * 1024:
        return f"{count / 1024:.0f} KiB"
    return f"{count / 1024 / 1024:.1f} MiB"
