"""Switches for failure: rules that make a provider misbehave, per provider and operation, so many times."""

import json
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Any

import msgspec

from yundian.sandbox.store import Store


class Fault(StrEnum):
    """What can go wrong. The first group concerns replies and notices alike."""

    DELAY = "delay"  # seconds; before_commit: the effect, too, is late
    TAMPERED = "tampered"  # changed after signing
    WEAK = "weak"  # signed with a weaker hash than agreed
    UNSIGNED = "unsigned"
    WRONG_AMOUNT = "wrong_amount"  # these five are signed properly
    WRONG_CURRENCY = "wrong_currency"
    WRONG_APP = "wrong_app"
    WRONG_MERCHANT = "wrong_merchant"
    WRONG_NUMBER = "wrong_number"

    DRIP = "drip"  # seconds, pieces: the reply comes piece by piece
    DOWN = "down"  # status (0: the connection is cut); no effect
    DROP = "drop_after_commit"  # the effect happens, the connection is cut
    ERROR = "error"  # code, sub_code, message; commit: the effect happens all the same
    BODY = "body"  # text: some other answer than the protocol's, after the effect

    DUPLICATE = "duplicate"  # times: so many copies at once
    OUT_OF_ORDER = "out_of_order"  # held until another notice was delivered
    LOST = "lost"  # never sent, unless somebody sends it again
    SETTLE_AS = "settle_as"  # state: closed or abnormal, how a refund ends; a code: how a message ends


OF_POSTING = frozenset({Fault.OUT_OF_ORDER, Fault.LOST})
OF_SETTLING = frozenset({Fault.SETTLE_AS})
OF_REPLIES = frozenset(Fault) - OF_POSTING - OF_SETTLING - {Fault.DUPLICATE}
OF_DELIVERIES = (
    frozenset(Fault)
    - OF_POSTING
    - OF_SETTLING
    - {
        Fault.DRIP,
        Fault.DOWN,
        Fault.DROP,
        Fault.ERROR,
        Fault.BODY,
    }
)


class Rule(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """``operation`` and ``key`` (order, refund or user number) are globs; without ``remaining``: until cleared."""

    provider: str
    kind: Fault
    operation: str = "*"
    key: str = "*"
    params: dict[str, Any] = {}
    remaining: Annotated[int, msgspec.Meta(ge=1)] | None = None
    id: int = 0
    used: int = 0


@dataclass(frozen=True)
class Plan:
    """What is to go wrong with one reply or one delivery."""

    faults: dict[Fault, dict[str, Any]] = field(default_factory=dict)

    def has(self, kind: Fault) -> bool:
        return kind in self.faults

    def number(self, kind: Fault, name: str, default: float = 0.0) -> float:
        return float(self.faults.get(kind, {}).get(name, default))

    def text(self, kind: Fault, name: str, default: str = "") -> str:
        return str(self.faults.get(kind, {}).get(name, default))

    def is_set(self, kind: Fault, name: str) -> bool:
        return bool(self.faults.get(kind, {}).get(name, False))

    def names(self) -> str:
        return ",".join(self.faults)


NOTHING = Plan()


class Faults:
    """The rules in force, kept in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, rule: Rule) -> int:
        """Put a rule in force; its number."""
        return self._store.insert(
            "fault",
            {
                "provider": rule.provider,
                "operation": rule.operation,
                "key": rule.key,
                "kind": rule.kind.value,
                "params": json.dumps(rule.params),
                "remaining": rule.remaining,
            },
        )

    def all(self) -> list[Rule]:
        rows = self._store.rows("SELECT * FROM fault ORDER BY id")
        return [msgspec.convert({**row, "params": json.loads(row["params"])}, Rule, strict=False) for row in rows]

    def clear(self, number: int | None = None) -> int:
        """Remove one rule, or all of them."""
        if number is None:
            return self._store.run("DELETE FROM fault")
        return self._store.run("DELETE FROM fault WHERE id = ?", number)

    def take(self, provider: str, operation: str, key: str, *, only: frozenset[Fault]) -> Plan:
        """The plan for one exchange; uses one count of every rule that applies (the oldest of each kind)."""
        chosen: dict[Fault, dict[str, Any]] = {}
        for rule in self.all():
            wanted = rule.kind not in chosen and rule.kind in only
            if wanted and _applies(rule, provider, operation, key):
                chosen[rule.kind] = rule.params
                self._use(rule)
        return Plan(chosen) if chosen else NOTHING

    def _use(self, rule: Rule) -> None:
        if rule.remaining == 1:
            self.clear(rule.id)
        else:
            self._store.run("UPDATE fault SET remaining = remaining - 1, used = used + 1 WHERE id = ?", rule.id)


def _applies(rule: Rule, provider: str, operation: str, key: str) -> bool:
    return (
        fnmatchcase(provider, rule.provider)
        and fnmatchcase(operation, rule.operation)
        and fnmatchcase(key, rule.key)
    )
