"""What others may want to know of members."""

import uuid

from yundian.platform.outbox.declare import Event


class MemberJoined(Event, frozen=True, kw_only=True, tag="members.joined.v1"):
    """Somebody signed in who was not known before; ``via`` is how. Members made by imported orders are not
    told of."""

    member_id: uuid.UUID
    via: str


class PhoneBound(Event, frozen=True, kw_only=True, tag="members.phone_bound.v1"):
    """A member proved that a phone is hers."""

    member_id: uuid.UUID


class IdentityVerified(Event, frozen=True, kw_only=True, tag="members.identity_verified.v1"):
    """A member proved, herself, that an identity is hers which nobody had before. ``value_hash``: hexadecimal,
    what ``members.api.hash_of`` says of it; the identity itself is in no event."""

    member_id: uuid.UUID
    kind: str
    scope: str
    value_hash: str


class WeChatHappened(Event, frozen=True, kw_only=True, tag="members.wechat_happened.v1"):
    """Somebody followed the official account, left it, or scanned a code with a ``scene``. ``member_id`` is null
    while the openid belongs to no member; the row has the rest."""

    event_id: uuid.UUID
    kind: str
    scene: str
    member_id: uuid.UUID | None


class TemplateMessageEnded(Event, frozen=True, kw_only=True, tag="members.template_message_ended.v1"):
    """WeChat says how a template message of the official account ended: ``success``, or ``failed:`` and why.
    ``message_ref`` is its number there."""

    app_id: str
    message_ref: str
    status: str


class SubscriptionMessageEnded(Event, frozen=True, kw_only=True, tag="members.subscription_message_ended.v1"):
    """WeChat says how a subscription message of the mini program ended: ``error_code`` 0 when it arrived.
    ``message_ref`` is its number there; ``member_id`` is null while the openid belongs to no member."""

    app_id: str
    template_id: str
    message_ref: str
    error_code: str
    member_id: uuid.UUID | None


class SubscriptionTakenBack(Event, frozen=True, kw_only=True, tag="members.subscription_taken_back.v1"):
    """A member wants no more subscription messages of this template; what she agreed to before is void.
    ``ref`` is the same when WeChat tells the same again."""

    app_id: str
    template_id: str
    member_id: uuid.UUID
    ref: str


EVENTS = (
    MemberJoined,
    PhoneBound,
    IdentityVerified,
    WeChatHappened,
    TemplateMessageEnded,
    SubscriptionMessageEnded,
    SubscriptionTakenBack,
)
