"""Refusals of appointments: each says in its code why a time cannot be had."""

from yundian.platform.core.errors import DomainError, NotFound


class ServiceUnknown(NotFound):
    code = "appointments.service_unknown"
    title = "No such service"


class StaffUnknown(NotFound):
    code = "appointments.staff_unknown"
    title = "No such person"


class ResourceUnknown(NotFound):
    code = "appointments.resource_unknown"
    title = "No such chair or room"


class BookingUnknown(NotFound):
    """No such appointment, or not one of the caller's."""

    code = "appointments.booking_unknown"
    title = "No such appointment"


class WaitUnknown(NotFound):
    code = "appointments.wait_unknown"
    title = "No such place on the waiting list"


class CodeTaken(DomainError):
    code = "appointments.code_taken"
    title = "Another service has this code"


class NameTaken(DomainError):
    code = "appointments.name_taken"
    title = "Another chair of this shop has this name"


class SpanTaken(DomainError):
    code = "appointments.span_taken"
    title = "Two entries of this plan begin at the same time"


class NotOffered(DomainError):
    """The shop is not in business, the service retired, or the person does not perform it there."""

    code = "appointments.not_offered"
    title = "This is not offered here"


class SlotTaken(DomainError):
    """Somebody else was faster, or everybody who could is busy."""

    code = "appointments.slot_taken"
    title = "This time is taken; choose another one"


class OutsideHours(DomainError):
    """The shop is closed, or nobody works then."""

    code = "appointments.outside_hours"
    title = "This time is outside the hours"


class OffGrid(DomainError):
    code = "appointments.off_grid"
    title = "Appointments do not begin at this minute"


class TooSoon(DomainError):
    """Nearer than the notice the shop needs; ``notice_min`` says it."""

    code = "appointments.too_soon"
    title = "Too soon: the shop needs more notice"


class TooFar(DomainError):
    """Beyond the horizon; ``horizon_days`` says it."""

    code = "appointments.too_far"
    title = "This day cannot be booked yet"


class HolidaysUnknown(DomainError):
    """The shop follows public holidays, and those of ``year`` are not known yet."""

    code = "appointments.holidays_unknown"
    title = "The public holidays of this year are not known yet"


class CapReached(DomainError):
    code = "appointments.cap_reached"
    title = "No more appointments on this day"


class ReplacementUnknown(NotFound):
    code = "appointments.replacement_unknown"
    title = "Nothing is given to others under this id"


class TooLateToUndo(DomainError):
    """The customer has been told, or it was changed since: who moves it again tells her so."""

    code = "appointments.too_late_to_undo"
    title = "It is too late to undo this; move it again instead"


class OwnOverlap(DomainError):
    """The customer has another appointment at this time, in whatever shop."""

    code = "appointments.own_overlap"
    title = "You have another appointment at this time"


class TooManyHolds(DomainError):
    code = "appointments.too_many_holds"
    title = "Pay or give back what is set aside for you first"


class KeyReused(DomainError):
    """The idempotency key belongs to another wish of hers."""

    code = "appointments.key_reused"
    status = 422
    title = "This was already sent with other contents: reload the page and try again"


class PastCutoff(DomainError):
    """Too late to change it oneself; ``cutoff_min`` says until when it could be."""

    code = "appointments.past_cutoff"
    title = "Too late to change this; please call the shop"


class NotNow(DomainError):
    """The booking's state allows something else; ``state`` says which it is."""

    code = "appointments.not_now"
    title = "Not possible in this state"


class PaidBack(DomainError):
    """The order that paid for it is over: her money went back."""

    code = "appointments.paid_back"
    title = "What was paid for this appointment went back: take her as a walk-in, who pays here"


class SlotPassed(DomainError):
    code = "appointments.slot_passed"
    title = "This time has passed"


class TimeGone(DomainError):
    """She came after she was given up, and her time is somebody else's now."""

    code = "appointments.time_gone"
    title = "This time went to somebody else meanwhile: take her as a walk-in, or forgive that she was late"


class TooEarly(DomainError):
    code = "appointments.too_early"
    title = "It is too early for this"


class NeedsDeposit(DomainError):
    """A deposit has to be paid first; ``deposit_minor`` and ``currency`` say how much."""

    code = "appointments.needs_deposit"
    title = "A deposit is needed"


class NotWaiting(DomainError):
    code = "appointments.not_waiting"
    title = "This offer has lapsed"


class NoWaitlist(DomainError):
    code = "appointments.no_waitlist"
    title = "There is no waiting list for this service"


class AlreadyWaiting(DomainError):
    code = "appointments.already_waiting"
    title = "You are on the waiting list of this day already"


class SkuUnknown(DomainError):
    code = "appointments.sku_unknown"
    title = "The catalogue has no such code"


class NotGroupOffer(DomainError):
    code = "appointments.not_group_offer"
    status = 404
    title = "Groups of this campaign buy no appointment"


class LinkExpired(DomainError):
    code = "appointments.link_expired"
    status = 410
    title = "This link has expired"


class ImportRunning(DomainError):
    code = "appointments.import_running"
    title = "This import is still being read: wait until it has ended, then take it back"


class LookRunning(DomainError):
    code = "appointments.look_running"
    title = "This file is still being looked at: wait until that has ended"
