"""What all rooms together declare, looked up by the permanent names that rows carry."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from yundian.platform.outbox.declare import Event, Subscriber, TimerHandler


class DeclaredTwice(ValueError):
    """Two declarations share one permanent name."""


@dataclass(frozen=True, slots=True)
class Registry:
    """Subscribers and timers by name; ``routes`` pairs every tag with each of its subscribers."""

    subscribers: Mapping[str, Subscriber]
    timers: Mapping[str, TimerHandler]
    tags: tuple[str, ...]

    @classmethod
    def of(
        cls,
        *,
        events: Iterable[type[Event]] = (),
        subscribers: Iterable[Subscriber] = (),
        timers: Iterable[TimerHandler] = (),
    ) -> "Registry":
        """Collect declarations. An event with a subscriber is known even if no room lists it.

        Raises:
            DeclaredTwice: a subscriber, a timer or a tag stands for two things.
        """
        listed = list(subscribers)
        _refuse_doubles("subscriber", [one.name for one in listed])
        handlers = list(timers)
        _refuse_doubles("timer", [one.name for one in handlers])
        kinds = {*events, *(one.event for one in listed)}
        _refuse_doubles("tag", [kind.tag_of() for kind in kinds])
        return cls(
            subscribers={one.name: one for one in listed},
            timers={one.name: one for one in handlers},
            tags=tuple(sorted(kind.tag_of() for kind in kinds)),
        )

    @property
    def routes(self) -> tuple[list[str], list[str]]:
        """Tags and subscribers side by side, as the expanding statement takes them."""
        pairs = sorted((one.event.tag_of(), one.name) for one in self.subscribers.values())
        return [tag for tag, _ in pairs], [name for _, name in pairs]


def _refuse_doubles(what: str, names: list[str]) -> None:
    doubles = {name for name in names if names.count(name) > 1}
    if doubles:
        raise DeclaredTwice(f"{what} declared twice: {', '.join(sorted(doubles))}")
