"""What group-buys ought to do, in plain Python: seats, groups, pieces and money of one campaign."""

import uuid
from dataclasses import dataclass, field

from groupbuy.errors import AlreadyIn, GroupFull, GroupOver, LeaveTooLate, LimitReached, SoldOut

LIVE = ("reserved", "paid")


@dataclass
class Seat:
    member: uuid.UUID
    group: "Group"
    state: str = "reserved"
    paid_as: int = 0


@dataclass(eq=False)
class Group:
    leader: uuid.UUID
    state: str = "opening"
    seats: list[Seat] = field(default_factory=list)

    def live(self) -> list[Seat]:
        return [seat for seat in self.seats if seat.state in LIVE]

    def count(self, *states: str) -> int:
        return sum(seat.state in states for seat in self.seats)

    @property
    def is_joinable(self) -> bool:
        return self.state in ("opening", "open")


@dataclass
class Model:
    """One campaign: groups of ``size``, ``limit`` seats a member, ``quota`` pieces; late money goes back."""

    size: int
    limit: int
    quota: int
    groups: list[Group] = field(default_factory=list)
    seats: list[Seat] = field(default_factory=list)
    payments: int = 0
    refunds: int = 0

    def take(self, member: uuid.UUID, group: Group | None) -> str:
        """A seat, or the code of the refusal."""
        mine = next((seat for seat in self.seats if seat.member == member and seat.state in LIVE), None)
        if mine is not None:
            is_here = group is None or group is mine.group
            return "seat again" if mine.state == "reserved" and is_here else AlreadyIn.code
        if group is not None and not group.is_joinable:
            return GroupOver.code
        if group is not None and len(group.live()) == self.size:
            return GroupFull.code
        if sum(seat.member == member and seat.state == "confirmed" for seat in self.seats) >= self.limit:
            return LimitReached.code
        if sum(seat.state in (*LIVE, "confirmed") for seat in self.seats) >= self.quota:
            return SoldOut.code
        group = group or self._open(member)
        seat = Seat(member, group)
        group.seats.append(seat)
        self.seats.append(seat)
        return "seat"

    def pay(self, seat: Seat) -> None:
        self.payments += 1
        seat.state, seat.paid_as = "paid", self.payments
        group = seat.group
        group.state = "open"
        if group.count("paid") == self.size:
            group.state = "succeeded"
            for one in group.live():
                one.state = "confirmed"

    def release(self, seat: Seat) -> None:
        seat.state = "released"
        self._came_free(seat.group)

    def leave(self, seat: Seat) -> str:
        if seat.state == "reserved":
            self.release(seat)
        elif seat.state == "paid" and seat.group.is_joinable:
            seat.state = "refunded"
            self.refunds += 1
            self._came_free(seat.group)
        elif seat.state in ("confirmed", "overflow"):
            return LeaveTooLate.code
        return ""

    def late(self, seat: Seat) -> None:
        self.payments += 1
        self.refunds += 1
        seat.state = "overflow"

    def deadline(self, group: Group) -> None:
        if not group.is_joinable:
            return
        for seat in group.live():
            if seat.state == "paid":
                seat.state = "refunded"
                self.refunds += 1
            else:
                seat.state = "released"
        group.state = "failed"

    def _open(self, leader: uuid.UUID) -> Group:
        group = Group(leader)
        self.groups.append(group)
        return group

    def _came_free(self, group: Group) -> None:
        live = group.live()
        if not group.is_joinable:
            return
        if not live:
            group.state = "failed"
        elif group.leader not in {seat.member for seat in live}:
            first = sorted(live, key=lambda seat: (seat.paid_as == 0, seat.paid_as, group.seats.index(seat)))
            group.leader = first[0].member
