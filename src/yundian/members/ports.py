"""What members needs from outside."""

from typing import Protocol, runtime_checkable


@runtime_checkable
class SmsSender(Protocol):
    """A provider of short messages. Raises ``CodeNotSent`` when it did not take the message, or may not have."""

    async def send_code(self, *, phone: str, code: str, brand_name: str, minutes: int, reference: str) -> None:
        """Tell a phone its code. The same ``reference`` again is not sent twice."""

    async def aclose(self) -> None: ...
