"""WeChat and the provider of short messages behind one port."""

import datetime as dt

from yundian.messaging.ports import Accepted, Outcome, Parcel, Rejected, Unclear
from yundian.messaging.rules import timing, verdicts
from yundian.messaging.rules.verdicts import Verdict
from yundian.messaging.types import Channel
from yundian.platform.sms.types import Refused, Sms, SmsGateway, Taken
from yundian.platform.wechat.client import WeChatAppClient, WeChatApps
from yundian.platform.wechat.errors import WeChatRefused, WeChatUnavailable
from yundian.platform.wechat.types import UNREACHED

_NOT_AT_ALL = dt.timedelta(0)


class ProviderCarrier:
    """What the worker sends with."""

    def __init__(self, *, wechat: WeChatApps, sms: SmsGateway) -> None:
        self._wechat = wechat
        self._sms = sms

    def remembers(self, channel: Channel) -> dt.timedelta:
        """WeChat drops doubles of template messages by ``client_msg_id``, of subscription messages it does not."""
        if channel is Channel.SMS:
            return timing.SMS_REMEMBERED_FOR if self._sms.is_idempotent else _NOT_AT_ALL
        return timing.TEMPLATE_REMEMBERED_FOR if channel is Channel.OFFICIAL else _NOT_AT_ALL

    async def carry(self, parcel: Parcel) -> Outcome:
        if parcel.channel is Channel.SMS:
            return await self._by_sms(parcel)
        return await self._by_wechat(parcel)

    async def _by_sms(self, parcel: Parcel) -> Outcome:
        said = await self._sms.send(
            Sms(
                phone=parcel.to,
                text=parcel.text,
                sign=parcel.sign,
                reference=parcel.reference,
                template=parcel.template_ref,
                values=parcel.values,
            )
        )
        if isinstance(said, Taken):
            return Accepted(said.provider_ref)
        if isinstance(said, Refused):
            return Rejected(said.code, verdicts.of_sms(said.fault))
        return Unclear(said.reason)

    async def _by_wechat(self, parcel: Parcel) -> Outcome:
        if parcel.app is None:
            return Rejected("app_gone", Verdict.NEXT_WAY)
        client = self._wechat.of(parcel.app)
        try:
            await client.be_ready()
        except WeChatUnavailable as error:
            return Rejected(_reason(error), Verdict.AGAIN)
        except WeChatRefused as refused:
            return Rejected(str(refused.errcode), verdicts.of_token(refused.errcode))
        try:
            return Accepted(await _send(client, parcel))
        except WeChatUnavailable as error:
            reason = _reason(error)
            return Rejected(reason, Verdict.AGAIN) if reason == UNREACHED else Unclear(reason)
        except WeChatRefused as refused:
            return Rejected(str(refused.errcode), verdicts.of_wechat(refused.errcode))


async def _send(client: WeChatAppClient, parcel: Parcel) -> str:
    if parcel.channel is Channel.MINI:
        return await client.send_subscription(
            openid=parcel.to, template_id=parcel.template_ref, data=parcel.data, page=parcel.leads_to
        )
    return await client.send_template(
        openid=parcel.to,
        template_id=parcel.template_ref,
        data=parcel.data,
        url=parcel.leads_to,
        once=parcel.attempt_id.hex,
    )


def _reason(error: WeChatUnavailable) -> str:
    return str(error.facts.get("reason") or "no_answer")[:60]
