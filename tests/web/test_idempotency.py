"""One key, one effect: replays, other contents, races, refusals, forms, crashes, and the end of the 24 hours."""

import datetime as dt
import re
import uuid

import anyio
import httpx
import pytest
import sqlalchemy as sa
from litestar import Litestar
from sqlmodel import col, select

from tests.helpers import csrf_token, make_client
from tests.people import Person, sign_in_as
from tests.web.probe import rings
from yundian.brands.types import BrandView
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services
from yundian.platform.web.idempotency import forget_expired
from yundian.platform.web.models import IdempotencyKey

pytestmark = pytest.mark.anyio

BELLS = "/v1/probe/bells"


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(new_id())}


async def count(services: Services, brand_id: uuid.UUID) -> int:
    async with services.database.unit_of_work(brand_id) as session:
        return await rings(session)


async def test_the_same_key_and_body_get_the_same_answer_and_one_effect(
    api: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    headers = key()

    first = await api.post(BELLS, json={"note": "x"}, headers=headers)
    second = await api.post(BELLS, json={"note": "x"}, headers=headers)

    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert second.headers["content-type"] == first.headers["content-type"]
    assert await count(services, brand.id) == 1


async def test_without_a_key_every_request_counts(
    api: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    for _ in range(2):
        await api.post(BELLS, json={"note": "x"})

    assert await count(services, brand.id) == 2


async def test_the_same_key_with_another_body_is_refused_and_changes_nothing(
    api: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    headers = key()
    await api.post(BELLS, json={"note": "x"}, headers=headers)

    answer = await api.post(BELLS, json={"note": "y"}, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (422, "web.idempotency_key_reused")
    assert await count(services, brand.id) == 1


async def test_a_refusal_is_an_answer_too_and_leaves_no_effect(
    api: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    headers = key()

    first = await api.post(BELLS, json={"note": "x", "refuse": True}, headers=headers)
    second = await api.post(BELLS, json={"note": "x", "refuse": True}, headers=headers)

    assert first.status_code == second.status_code == 409
    assert first.content == second.content
    assert second.headers["content-type"] == "application/problem+json"
    assert second.headers["idempotent-replayed"] == "true"
    assert await count(services, brand.id) == 0


async def test_invalid_input_is_not_kept_so_the_corrected_request_may_use_the_key(api: httpx.AsyncClient) -> None:
    headers = key()

    wrong = await api.post(BELLS, json={"note": ""}, headers=headers)
    right = await api.post(BELLS, json={"note": "x"}, headers=headers)

    assert (wrong.status_code, right.status_code) == (400, 201)


async def test_keys_of_other_callers_and_brands_do_not_meet(
    probe_app: Litestar, api: httpx.AsyncClient, services: Services, brand: BrandView, other_brand: BrandView
) -> None:
    headers = key()
    first = await api.post(BELLS, json={"note": "x"}, headers=headers)
    colleague = await sign_in_as(services, brand.id, Role.HQ_ADMIN)
    stranger = await sign_in_as(services, other_brand.id, Role.HQ_ADMIN)

    for person in (colleague, stranger):
        async with make_client(probe_app, headers=person.headers) as client:
            answer = await client.post(BELLS, json={"note": "x"}, headers=headers)
        assert answer.status_code == 201
        assert answer.content != first.content
    assert (await count(services, brand.id), await count(services, other_brand.id)) == (2, 1)


async def test_sixty_four_at_once_are_one_effect_and_sixty_three_equal_answers(
    api: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    headers, answers = key(), []

    async def send() -> None:
        answers.append(await api.post(BELLS, json={"note": "x", "sleep_s": 0.05}, headers=headers))

    async with anyio.create_task_group() as tasks:
        for _ in range(64):
            tasks.start_soon(send)

    assert {a.status_code for a in answers} == {201}
    assert len({a.content for a in answers}) == 1
    assert sum("idempotent-replayed" in a.headers for a in answers) == 63
    assert await count(services, brand.id) == 1


async def test_a_first_request_that_takes_long_makes_the_second_come_back_later(
    probe_app: Litestar, admin: Person, services: Services, brand: BrandView
) -> None:
    headers, answers = {**key(), **admin.headers}, []
    async with services.database.connection(brand.id) as tx:
        # The first request, still at work in another process: its key is written and not yet committed.
        await tx.execute(
            "INSERT INTO web_idempotency SELECT $1, $2, now(), $3, 'probe_ring', sha256($4::bytea), ''::bytea, 0,"
            " ''::bytea, now() + interval '1 day'",
            brand.id,
            new_id(),
            f"staff:{admin.id}",
            headers["Idempotency-Key"].encode(),
        )
        async with make_client(probe_app) as client:
            answers.append(await client.post(BELLS, json={"note": "x"}, headers=headers, timeout=15))

    assert (answers[0].status_code, answers[0].json()["code"]) == (409, "web.idempotency_in_progress")
    assert int(answers[0].headers["retry-after"]) >= 1
    assert await count(services, brand.id) == 0


async def test_a_key_that_is_too_long_is_refused_by_name(api: httpx.AsyncClient) -> None:
    answer = await api.post(BELLS, json={"note": "x"}, headers={"Idempotency-Key": "k" * 256})

    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "Idempotency-Key")


async def test_a_failure_inside_keeps_neither_key_nor_effect(
    api: httpx.AsyncClient, services: Services, brand: BrandView, monkeypatch: pytest.MonkeyPatch
) -> None:
    from yundian.platform.web import idempotency  # noqa: PLC0415

    headers = key()

    def dies(label: str) -> None:
        if label == "web.idempotency.kept":
            raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "step", dies)
        broken = await api.post(BELLS, json={"note": "x"}, headers=headers)
    again = await api.post(BELLS, json={"note": "x"}, headers=headers)

    assert (broken.status_code, again.status_code) == (503, 201)
    assert "idempotent-replayed" not in again.headers
    assert await count(services, brand.id) == 1


async def test_the_kept_answer_cannot_be_read_in_the_database(
    api: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    await api.post(BELLS, json={"note": "something private"}, headers=key())

    async with services.database.unit_of_work(brand.id) as session:
        row = (await session.exec(select(IdempotencyKey).where(col(IdempotencyKey.brand_id) == brand.id))).one()
    assert row.status == 201
    assert b"private" not in row.answer


async def test_after_its_time_a_key_is_new_and_the_cleaning_forgets_it(
    api: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    headers = key()
    first = await api.post(BELLS, json={"note": "x"}, headers=headers)

    await _make_old(services, brand.id)
    second = await api.post(BELLS, json={"note": "other"}, headers=headers)
    await _make_old(services, brand.id)
    await forget_expired(services.database)

    assert (first.status_code, second.status_code) == (201, 201)
    assert "idempotent-replayed" not in second.headers
    async with services.database.unit_of_work(brand.id) as session:
        assert (await session.exec(select(IdempotencyKey))).all() == []


async def test_a_form_sent_twice_saves_once_and_goes_to_the_same_place(
    browser: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    page = (await browser.get("/probe/form")).text
    hidden = re.search(r'name="_idempotency_key" value="([^"]+)"', page)
    assert hidden
    data = {"_csrf_token": await csrf_token(browser), "_idempotency_key": hidden[1], "note": "hello", "times": "1"}

    first = await browser.post("/probe/form", data=data)
    second = await browser.post("/probe/form", data=data)

    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["location"] == second.headers["location"] == "/probe/form"
    assert second.headers["idempotent-replayed"] == "true"
    assert "toast=" in second.headers["set-cookie"]
    assert await count(services, brand.id) == 1


async def _make_old(services: Services, brand_id: uuid.UUID) -> None:
    async with services.database.unit_of_work(brand_id) as session:
        await session.exec(
            sa.update(IdempotencyKey).values(expires_at=dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1))
        )
