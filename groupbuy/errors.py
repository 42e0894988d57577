"""Refusals of groupbuy."""

from yundian.platform.core.errors import DomainError, NotFound


class CampaignUnknown(NotFound):
    """No such campaign in this brand, or it is not published yet."""

    code = "groupbuy.campaign_unknown"
    title = "This campaign does not exist"


class GroupUnknown(NotFound):
    code = "groupbuy.group_unknown"
    title = "This group does not exist"


class SeatUnknown(NotFound):
    """No such seat, or another member's."""

    code = "groupbuy.seat_unknown"
    title = "You have no seat here"


class CampaignNotRunning(DomainError):
    """``standing``: draft, scheduled, ended or closed; ``starts_at`` and ``ends_at`` say when it runs."""

    code = "groupbuy.campaign_not_running"
    title = "This campaign is not running: no new group can be started"


class GroupFull(DomainError):
    """Every seat is taken; some may come free again until ``deadline_at``."""

    code = "groupbuy.group_full"
    title = "This group is full: start a group of your own, or look again in a while"


class GroupOver(DomainError):
    """``state``: how it ended."""

    code = "groupbuy.group_over"
    title = "This group is over: nobody can join it any more"


class LimitReached(DomainError):
    """``limit``: how often one person may buy in this campaign."""

    code = "groupbuy.limit_reached"
    title = "You have bought as often as this campaign allows"


class AlreadyIn(DomainError):
    """She holds a seat of this campaign; ``group_code`` says where."""

    code = "groupbuy.already_in"
    title = "You are in a group of this campaign already"


class SoldOut(DomainError):
    """The campaign's quota of ``sku_ids`` is used up; seats that are not paid give some back."""

    code = "groupbuy.sold_out"
    title = "Sold out: what is left is less than you chose"


class ShopNotIncluded(DomainError):
    """The shop does not take part, or serves nobody at the moment."""

    code = "groupbuy.shop_not_included"
    title = "This shop does not hand out this campaign: choose another one"


class SkuNotInCampaign(DomainError):
    code = "groupbuy.sku_not_in_campaign"
    status = 400
    title = "This is not part of the campaign"


class TooManyPieces(DomainError):
    """``limit``: pieces in one seat."""

    code = "groupbuy.too_many_pieces"
    title = "These are more pieces than one seat may have"


class LeaveTooLate(DomainError):
    """The group is complete, or over: ``state``. What was bought can be given back as the shop's rules say."""

    code = "groupbuy.leave_too_late"
    title = "The group is complete or over: its seats cannot be given back any more"


class OpensElsewhere(DomainError):
    """Its groups are opened together with something else, by the room that ``opens_with`` names."""

    code = "groupbuy.opens_elsewhere"
    title = "A group of this campaign begins with choosing a time"


class TermsAreFixed(DomainError):
    """Size, prices and lives of a published campaign stay; ``fields`` names what was to be changed."""

    code = "groupbuy.terms_are_fixed"
    title = "People have joined on these terms: close this campaign and publish another one"


class QuotaBelowSold(DomainError):
    """A quota below what is reserved and sold already."""

    code = "groupbuy.quota_below_sold"
    title = "More pieces are reserved or sold than would be left"


class CampaignIncomplete(DomainError):
    """``missing`` says what: items, shops, time."""

    code = "groupbuy.campaign_incomplete"
    title = "The campaign cannot be published like this"


class SeatLifeTooShort(DomainError):
    """WeChat takes no order that lives shorter."""

    code = "groupbuy.seat_life_too_short"
    title = "A seat must live at least 2 minutes where WeChat Pay is offered"


class SkuNotSellable(DomainError):
    """``codes``: SKUs that the catalogue does not sell (any more)."""

    code = "groupbuy.sku_not_sellable"
    title = "The catalogue does not sell this at the moment"
