"""A part that is down is logged once when it goes and once when it is back, and asked again ever more seldom."""

import structlog

log = structlog.get_logger(__name__)

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 2.0


class Outage:
    """The memory of one dependency's failures, as one loop sees them."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.failures = 0

    def failed(self, error: BaseException) -> float:
        """Note a failure; the seconds to wait before the next try."""
        if self.failures == 0:
            log.warning("courier.outage", part=self.what, error=type(error).__name__)
        self.failures += 1
        return float(min(_FIRST_PAUSE_S * 2 ** min(self.failures - 1, 10), _LONGEST_PAUSE_S))

    def recovered(self) -> None:
        """Note a success."""
        if self.failures:
            log.info("courier.recovered", part=self.what, failures=self.failures)
            self.failures = 0
