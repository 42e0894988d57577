"""What comes at the same time is done together, and nobody fails or waits for another's sake."""

import asyncio
from collections.abc import Sequence

import pytest

from yundian.platform.outbox.gathering import Gathering

pytestmark = pytest.mark.anyio


class Counter:
    """Doubles numbers together; negative ones it cannot."""

    def __init__(self, *, refuses: type[Exception] = ValueError) -> None:
        self.chunks: list[list[int]] = []
        self.may_go = asyncio.Event()
        self._refuses = refuses

    async def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.chunks.append(list(numbers))
        await self.may_go.wait()
        if min(numbers) < 0:
            raise self._refuses(numbers)
        return [number * 2 for number in numbers]


async def test_whoever_comes_meanwhile_goes_together_and_each_gets_her_own_answer() -> None:
    counter = Counter()
    gathering = Gathering(counter, most=4)
    asked = [asyncio.ensure_future(gathering.ask(number)) for number in range(7)]
    await asyncio.sleep(0)
    asked[3].cancel()
    counter.may_go.set()

    answers = await asyncio.gather(*asked, return_exceptions=True)

    assert counter.chunks == [[0, 1, 2, 3], [4, 5, 6]]
    assert answers[:3] + answers[4:] == [0, 2, 4, 8, 10, 12]
    assert isinstance(answers[3], asyncio.CancelledError)
    assert await gathering.ask(9) == 18


async def test_what_fails_together_is_tried_alone() -> None:
    counter = Counter()
    counter.may_go.set()
    gathering = Gathering(counter, most=9)

    answers = await asyncio.gather(*(gathering.ask(number) for number in (1, -1, 2)), return_exceptions=True)

    assert (answers[0], answers[2]) == (2, 4)
    assert isinstance(answers[1], ValueError)


async def test_when_the_database_is_gone_nobody_tries_for_each() -> None:
    counter = Counter(refuses=ConnectionResetError)
    counter.may_go.set()
    gathering = Gathering(counter, most=9)

    answers = await asyncio.gather(*(gathering.ask(number) for number in (1, -1, 2)), return_exceptions=True)

    assert [type(answer) for answer in answers] == [ConnectionResetError] * 3
    assert len(counter.chunks) == 1
