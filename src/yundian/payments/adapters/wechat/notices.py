"""The notices of WeChat Pay v2: payments are signed, refunds are sealed."""

from xml.parsers.expat import ExpatError

from wechatpy.crypto import WeChatRefundCrypto
from wechatpy.exceptions import InvalidAppIdException, InvalidMchIdException

from yundian.payments.adapters.wechat import messages, replies
from yundian.payments.errors import BadSignature, MalformedNotice
from yundian.payments.types import NoticeKind, Provider, VerifiedNotice, WeChatPayAccount

_NOT_OURS = (InvalidAppIdException, InvalidMchIdException)
# What a seal opened with another key looks like.
_GARBLED = (ExpatError, ValueError, KeyError, TypeError, IndexError)


def verify(account: WeChatPayAccount, body: bytes) -> VerifiedNotice:
    """The facts of a notice. Raises ``BadSignature`` or ``MalformedNotice``."""
    try:
        fields = messages.load(body)
    except messages.NotFlat as error:
        raise MalformedNotice from error
    return _refund(account, fields) if "req_info" in fields else _payment(account, fields)


def _payment(account: WeChatPayAccount, fields: dict[str, str]) -> VerifiedNotice:
    try:
        messages.check_signature(fields, account.api_key)
    except messages.NotSigned as error:
        raise BadSignature from error
    is_paid = fields.get("result_code") == "SUCCESS"
    try:
        payment = replies.payment(fields, state="SUCCESS" if is_paid else "PAYERROR")
    except (KeyError, ValueError) as error:
        raise MalformedNotice from error
    return VerifiedNotice(
        provider=Provider.WECHAT,
        kind=NoticeKind.PAYMENT,
        ref=f"pay:{payment.out_trade_no}:{payment.provider_ref}:{payment.standing.value}",
        merchant_id=payment.merchant_id,
        app_id=payment.app_id,
        payment=payment,
    )


def _refund(account: WeChatPayAccount, fields: dict[str, str]) -> VerifiedNotice:
    """The envelope is not signed: only the account's own ids in it are believed, and only what the seal holds."""
    try:
        opened = WeChatRefundCrypto(account.api_key).decrypt_message(fields, account.app_id, account.merchant_id)
    except (*_NOT_OURS, *_GARBLED) as error:
        raise BadSignature from error
    if not isinstance(opened, dict) or not all(isinstance(value, str | None) for value in opened.values()):
        raise MalformedNotice
    try:
        refund = replies.told_refund({name: value or "" for name, value in opened.items()})
    except (KeyError, ValueError) as error:
        raise MalformedNotice from error
    return VerifiedNotice(
        provider=Provider.WECHAT,
        kind=NoticeKind.REFUND,
        ref=f"refund:{refund.provider_ref}:{refund.standing.value}",
        merchant_id=account.merchant_id,
        app_id=account.app_id,
        refund=refund,
    )
