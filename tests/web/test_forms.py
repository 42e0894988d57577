"""A form shows again what was typed, with what is wrong beside it."""

import re
import uuid
from typing import Annotated

import httpx
import msgspec
import pytest

from tests.helpers import submit
from tests.web.probe import rings
from yundian.brands.types import BrandView
from yundian.platform.core.errors import InvalidInput
from yundian.platform.core.ids import new_id
from yundian.platform.db.services import Services
from yundian.platform.web.forms import Form

pytestmark = pytest.mark.anyio


class Shape(msgspec.Struct, kw_only=True):
    name: Annotated[str, msgspec.Meta(min_length=2, max_length=5)]
    count: Annotated[int, msgspec.Meta(ge=1)]
    owner: uuid.UUID | None = None
    tags: list[str] = []
    loud: bool = False


async def test_a_good_form_becomes_a_struct_and_blanks_are_left_out() -> None:
    form = Form({"name": ["  abc "], "count": ["3"], "owner": [""], "tags": ["a", ""], "loud": ["on"], "x": ["y"]})

    assert form.parse(Shape) == Shape(name="abc", count=3, tags=["a", ""], loud=True)


async def test_all_wrong_fields_are_told_at_once_in_words() -> None:
    form = Form({"name": ["a"], "count": ["many"], "owner": ["nobody"]})

    async with form.attempt():
        form.parse(Shape)

    assert form.failed
    assert form.status == 400
    assert set(form.errors) == {"name", "count", "owner"}
    assert not any("`" in text for text in form.errors.values())


async def test_a_missing_field_is_required() -> None:
    form = Form({})

    async with form.attempt():
        form.parse(Shape)

    assert set(form.errors) == {"name", "count"}


async def test_a_services_refusal_of_a_field_lands_at_the_field() -> None:
    form = Form({"name": ["abc"], "count": ["1"]})

    async with form.attempt():
        raise InvalidInput("name", "Taken by somebody else")

    assert form.error("name")
    assert form.value("name") == "abc"


async def test_a_failure_is_no_refusal() -> None:
    form = Form({})

    with pytest.raises(ZeroDivisionError):
        async with form.attempt():
            raise ZeroDivisionError


async def test_a_wrong_form_is_shown_again_with_what_was_typed(browser: httpx.AsyncClient) -> None:
    answer = await submit(browser, "/probe/form", {"note": "<b>", "times": "1"})
    short = await submit(browser, "/probe/form", {"note": "x", "times": "many"})

    assert answer.status_code == 303
    assert short.status_code == 400
    assert 'aria-invalid="true"' in short.text
    assert 'id="error-note"' in short.text
    assert 'value="many"' in short.text


async def test_a_refused_form_writes_nothing_and_the_page_still_works(
    browser: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    answer = await submit(browser, "/probe/form", {"note": "hello", "times": "101"})

    assert answer.status_code == 409
    assert "Sold out" in answer.text
    assert 'value="hello"' in answer.text
    async with services.database.unit_of_work(brand.id) as session:
        assert await rings(session) == 0


async def test_the_toast_is_shown_once(browser: httpx.AsyncClient) -> None:
    await submit(browser, "/probe/form", {"note": "hello", "times": "1"})

    first, second = await browser.get("/probe/form"), await browser.get("/probe/form")

    assert 'data-toast="Saved"' in first.text
    assert 'data-toast=""' in second.text


async def test_what_a_template_asks_of_a_field_is_in_the_page(browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/probe/form")).text

    assert re.search(r'<input[^>]* name="times"[^>]* min="1"', page)
    assert re.search(r'<select[^>]* name="loudness"[^>]* autocomplete="off"', page)
    assert re.search(r'<textarea[^>]* name="text"[^>]* maxlength="99"', page)
    assert '<button class="button button-primary wide"' in page


@pytest.mark.parametrize("typed", [None, "", "x", "-1", "٣", "1234567890"])
def test_a_form_without_the_version_that_was_read_is_refused(typed: str | None) -> None:
    assert Form.of(version=3).version() == 3

    with pytest.raises(InvalidInput):
        Form.of(version=typed).version()


@pytest.mark.parametrize("typed", ["x", "-1", "\u202e", "00000000-0000-0000-0000-00000000000g"])
def test_a_thing_that_no_page_named_is_refused(typed: str) -> None:
    known = new_id()
    assert (Form.of(run=known).id("run"), Form.of().id("run")) == (known, None)

    with pytest.raises(InvalidInput):
        Form.of(run=typed).id("run")
