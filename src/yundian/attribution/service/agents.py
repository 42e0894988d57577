"""What opened a link: a person's browser, or a machine that looks at addresses."""

import re
from collections.abc import Callable
from functools import lru_cache

from yundian.attribution.types import AgentClass
from yundian.platform.wechat.agents import is_wechat_browser

_LONGEST = 400
# Tencent's check of addresses that are sent in chats.
_NOT_LISTED = re.compile(r"QQ-URL-Manager|Tencent-Url-Check|^$", re.IGNORECASE)
_PHONE = re.compile(r"Mobile|Android|iPhone|iPad|HarmonyOS", re.IGNORECASE)


def class_of(user_agent: str, *, is_prefetch: bool = False) -> AgentClass:
    """What asks. A browser that fetches ahead is not a person who opened the link yet."""
    return AgentClass.BOT if is_prefetch else _class_of(user_agent[:_LONGEST])


@lru_cache(maxsize=4096)
def _class_of(user_agent: str) -> AgentClass:
    if _NOT_LISTED.search(user_agent) or _detector()(user_agent):
        return AgentClass.BOT
    if is_wechat_browser(user_agent):
        return AgentClass.WECHAT
    return AgentClass.PHONE if _PHONE.search(user_agent) else AgentClass.DESKTOP


@lru_cache(maxsize=1)
def _detector() -> Callable[[str], bool]:
    """Made with the first link that is opened: its list of crawlers takes a tenth of a second to read."""
    from crawlerdetect import CrawlerDetect  # noqa: PLC0415

    found: Callable[[str], bool] = CrawlerDetect().isCrawler
    return found
