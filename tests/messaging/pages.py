"""Pages as HQ's browser gets them."""

import httpx


async def page_of(browser: httpx.AsyncClient, url: str) -> str:
    answer = await browser.get(url)
    assert answer.status_code == 200, answer.text
    return answer.text
