"""Static files may be kept for ever, because their addresses carry their content."""

import re

import httpx
import pytest

from yundian.platform.web.assets import FOLDER, static

pytestmark = pytest.mark.anyio

APP_CSS = (FOLDER / "app.css").read_text()


async def test_a_page_names_files_by_their_content_and_browsers_keep_them(client: httpx.AsyncClient) -> None:
    page = (await client.get("/", headers={"Accept": "text/html"})).text
    address = re.search(r'href="(/static/app\.css\?v=[0-9a-f]{12})"', page)
    assert address

    answer = await client.get(address[1])

    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/css")
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_nothing_outside_the_folder_is_served(client: httpx.AsyncClient) -> None:
    for path in ("/static/../models.py", "/static/%2e%2e/models.py", "/static/..%2fmodels.py"):
        assert (await client.get(path)).status_code == 404


async def test_an_unknown_file_is_unknown(client: httpx.AsyncClient) -> None:
    for path in ("/static/nowhere.css", "/static/a%00b", "/static/%ff", f"/static/{'a' * 5_000}"):
        assert (await client.get(path)).status_code == 404, path[:40]
    assert static("nowhere.css") == "/static/nowhere.css"


async def test_every_colour_stands_in_the_tokens_alone() -> None:
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b", APP_CSS) == []


async def test_every_icon_that_templates_name_exists() -> None:
    drawn = set(re.findall(r'<symbol id="([a-z]+)"', (FOLDER / "icons.svg").read_text()))
    root = FOLDER.parents[4]
    templates = [*root.glob("src/yundian/**/templates/**/*.html"), *root.glob("*/templates/**/*.html")]
    named = {name for file in templates for name in re.findall(r'ui\.icon\("([a-z]+)"', file.read_text())}

    assert named - drawn == set()
