"""Which provider the settings name."""

from yundian.platform.core.settings import Settings
from yundian.platform.sms.types import Said, Sms, SmsGateway


class SmsAtFirstUse:
    """The provider of the settings; its HTTP client (9 MiB) is loaded with the first message."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._gateway: SmsGateway | None = None
        self.is_idempotent = not settings.sms_aliyun_key_id

    async def send(self, sms: Sms) -> Said:
        if self._gateway is None:
            self._gateway = _gateway(self._settings)
        return await self._gateway.send(sms)

    async def aclose(self) -> None:
        if self._gateway is not None:
            await self._gateway.aclose()


def _gateway(settings: Settings) -> SmsGateway:
    if settings.sms_aliyun_key_id:
        from yundian.platform.sms.aliyun import DEFAULT_URL, AliyunSms  # noqa: PLC0415

        secret = settings.sms_aliyun_key_secret
        return AliyunSms(
            key_id=settings.sms_aliyun_key_id,
            key_secret=secret.get_secret_value() if secret else "",
            url=settings.sms_url or DEFAULT_URL,
        )
    from yundian.platform.sms.http import HttpSms  # noqa: PLC0415

    key = settings.sms_key
    return HttpSms(url=settings.sms_url, key=key.get_secret_value() if key else "")
