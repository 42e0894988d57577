"""A worker killed at any step makes no second message, and loses none that can be told once for certain."""

import os
import signal

import anyio
import pytest

from tests import nursery
from tests.messaging.kit import NOON, Post, later

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]


def _run(post: Post, label: str) -> int:
    settings = post.services.settings
    key = settings.sms_key
    environment = {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "YUNDIAN_VAR_DIR": str(settings.var_dir),
        "YUNDIAN_ENVIRONMENT": "test",
        "YUNDIAN_WECHAT_URL": settings.wechat_url,
        "YUNDIAN_SMS_URL": settings.sms_url,
        "YUNDIAN_SMS_KEY": key.get_secret_value() if key else "",
        "YUNDIAN_TEST_DIE_AT": label,
    }
    code, _ = nursery.run("tests.messaging.actor", str(post.brand.id), NOON.isoformat(), environment=environment)
    return code


# Its leases are seconds of the wall clock: a machine that stands still for so long lets them end.
@pytest.mark.soak
async def test_killed_between_the_provider_and_the_record_each_member_hears_once(
    post: Post, other_post: Post
) -> None:
    # At once: most of the time is two processes starting.
    async with anyio.create_task_group() as group:
        group.start_soon(_killed_at, "messaging.claimed", post)
        group.start_soon(_killed_at, "messaging.carried", other_post)


async def _killed_at(label: str, post: Post) -> None:
    await post.use_wechat("order.ready")
    by_sms, by_official = await post.person(follows=False, mini=False), await post.person()
    by_mini = await post.person()
    await post.consent(by_mini, "order.ready", 2)
    people = (by_sms, by_official, by_mini)
    facts = [await post.queue(person) for person in people]

    code = await anyio.to_thread.run_sync(lambda: _run(post, label))
    assert code == -signal.SIGKILL, f"did not pass {label}: {code}"
    was_sent = label == "messaging.carried"
    assert [post.count(person) for person in people] == [int(was_sent)] * 3
    await post.send(later(seconds=30))
    assert [await post.state(fact) for fact in facts] == ["sending"] * 3, "its lease is not over"
    await post.send(later(seconds=61))

    assert [await post.state(fact) for fact in facts[:2]] == ["sent", "sent"]
    # WeChat cannot tell a second subscription message from the first: a person decides.
    assert await post.state(facts[2]) == "unknown:unclear:lost"
    assert await post.credits(by_mini) == (1, 1)
    await post.send(later(days=2))
    assert [post.count(person) for person in people] == [1, 1, int(was_sent)]
