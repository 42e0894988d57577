"""Codes for phones, through the house's provider of short messages."""

import structlog

from yundian.members.errors import CodeNotSent
from yundian.platform.sms.types import Sms, SmsGateway, Taken

log: structlog.stdlib.BoundLogger = structlog.get_logger("yundian.members")


class SmsCodes:
    """``template`` and ``sign`` are what a provider approved; the sign is the brand's name without one."""

    def __init__(self, gateway: SmsGateway, *, sign: str = "", template: str = "") -> None:
        self._gateway = gateway
        self._sign = sign
        self._template = template

    async def send_code(self, *, phone: str, code: str, brand_name: str, minutes: int, reference: str) -> None:
        """Neither phone nor code is ever logged."""
        said = await self._gateway.send(
            Sms(
                phone=phone,
                text=f"验证码 {code}，{minutes} 分钟内有效。如非本人操作，请忽略。",
                sign=self._sign or brand_name,
                reference=reference,
                template=self._template,
                values={"code": code, "minutes": str(minutes)},
            )
        )
        if not isinstance(said, Taken):
            log.warning("members.sms_refused", outcome=type(said).__name__, code=getattr(said, "code", ""))
            raise CodeNotSent

    async def aclose(self) -> None:
        await self._gateway.aclose()
