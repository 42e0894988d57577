"""Headquarters' messages, and what members want to hear, as other systems have them by JSON."""

from typing import Any

import httpx
import pytest
from litestar import Litestar

from tests import factories
from tests.helpers import make_client
from tests.members.makers import signed_in
from tests.messaging.kit import Post, next_noon, wechat_id
from tests.people import sign_in_as
from tests.stores.makers import make_shop, shop_fields
from yundian.messaging.types import Channel
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Role

pytestmark = pytest.mark.anyio


async def ask(
    client: httpx.AsyncClient, method: str, path: str, expected: int = 200, /, *, by: dict[str, str], **body: Any
) -> Any:
    """The answer's body, or the code of its refusal."""
    said = body if method in ("POST", "PUT") else None
    answer = await client.request(method, f"/v1/{path}", headers=by, json=said)
    assert answer.status_code == expected, answer.text
    found: Any = answer.json() if answer.content else None
    return found["code"] if expected >= 400 else found


async def test_the_log_is_read_narrowed_and_what_failed_is_sent_again(post: Post, app: Litestar) -> None:
    admin = (await sign_in_as(post.services, post.brand.id, Role.HQ_ADMIN)).headers
    analyst = (await sign_in_as(post.services, post.brand.id, Role.HQ_ANALYST)).headers
    other = await factories.make_brand(post.services.settings)
    stranger = (await sign_in_as(post.services, other.id, Role.HQ_ADMIN)).headers
    shop = await make_shop(post.services, post.brand, fields=shop_fields())
    person, nobody = await post.person(), await post.person(phone=False, follows=False)
    first, left_out = await post.queue(person, shop_id=shop.id), await post.queue(nobody, "order.refunded")
    post.sandbox.break_it("error", provider="sms", key=person.phone, remaining=None, params={"code": "NO_BALANCE"})
    failed = await post.queue(person, "group.filled")
    await post.send()
    post.sandbox.http.delete("/sandbox/api/faults")

    async with make_client(app) as client:

        async def facts(query: str) -> list[str]:
            found = await ask(client, "GET", f"messages{query}", by=analyst)
            assert found["next_cursor"] is None
            return [one["fact_key"] for one in found["items"]]

        page = await ask(client, "GET", "messages?limit=2", by=analyst)
        rest = await ask(client, "GET", f"messages?limit=2&cursor={page['next_cursor']}", by=analyst)
        assert [one["fact_key"] for one in (*page["items"], *rest["items"])] == [failed, left_out, first]
        assert await facts(f"?shop_id={shop.id}") == [first]
        assert await facts(f"?member_id={nobody.id}") == await facts("?reason=no_channel") == [left_out]
        assert await facts("?template=group.filled") == [failed]
        assert await facts("?state=skipped&class=order") == [left_out]
        assert await facts("?until=2020-01-01") == []
        for wrong in ("state=x", "until=0001-01-01", "since=2026-11-02&until=2026-11-01", "reason=A", "cursor=x"):
            assert await ask(client, "GET", f"messages?{wrong}", 400, by=admin) == "core.invalid_input", wrong
        found = await ask(client, "POST", "messages/of-phone", by=analyst, phone=f"+86 {person.phone}")
        assert found == {"member_id": str(person.id)}
        unknown = await ask(client, "POST", "messages/of-phone", 400, by=stranger, phone=person.phone)
        assert unknown == "messaging.nobody_to_test"
        summary = await ask(client, "GET", "messages/summary", by=analyst)
        assert (summary["total"]["asked"], summary["total"]["skipped"]) == (3, 1)
        assert {"template": "order.refunded", "reason": "no_channel", "count": 1} in summary["reasons"]

        one = f"messages/{(await post.message(failed))['id']}"
        shown = await ask(client, "GET", one, by=analyst)
        assert (shown["may_send_again"], shown["message"]["state"]) == (True, "failed")
        assert [each["code"] for each in shown["attempts"]][-1] == "NO_BALANCE"
        assert person.phone not in str(shown)
        assert await ask(client, "POST", f"{one}/send-again", 403, by=analyst) == "auth.forbidden"
        for method, end in (("GET", ""), ("POST", "/send-again")):
            assert await ask(client, method, f"{one}{end}", 404, by=stranger) == "messaging.message_unknown"
        again = await ask(client, "POST", f"{one}/send-again", by=admin)
        assert (again["may_send_again"], again["message"]["state"]) == (False, "queued")
        assert await ask(client, "POST", f"{one}/send-again", 409, by=admin) == "messaging.not_to_send_again"
        await post.rows(
            "UPDATE messaging_message SET state = 'parked', next_at = NULL WHERE brand_id = $1 AND fact_key = $2",
            failed,
        )
        assert await ask(client, "POST", "messages/send-parked-again", by=stranger) == {"count": 0}
        assert await ask(client, "POST", "messages/send-parked-again", by=admin) == {"count": 1}
    await post.send(next_noon())
    assert (await post.state(failed)).startswith(("sent", "delivered"))


async def test_words_are_read_tried_and_saved_and_times_decided(post: Post, app: Litestar) -> None:
    admin = (await sign_in_as(post.services, post.brand.id, Role.HQ_ADMIN)).headers
    analyst = (await sign_in_as(post.services, post.brand.id, Role.HQ_ANALYST)).headers
    other = await factories.make_brand(post.services.settings)
    stranger = (await sign_in_as(post.services, other.id, Role.HQ_ADMIN)).headers
    person, path = await post.person(), "message-templates/order.ready"
    own = {"sms": "{order} 好了", "official": {"thing1": "{product}"}}
    words = {"is_enabled": True, "is_urgent": True, "texts": {"zh_CN": own}}

    async with make_client(app) as client:
        house = await ask(client, "GET", path, by=analyst)
        assert (house["version"], house["names"]) == (0, ["order", "product", "shop"])
        assert len(await ask(client, "GET", "message-templates", by=analyst)) > 10
        as_is = await ask(client, "GET", f"{path}/preview", by=analyst)
        chinese, english = await ask(client, "POST", f"{path}/preview", by=admin, **words)
        assert "好了" in chinese["sms"]
        assert (chinese["official"][0]["field"], chinese["mini"]) == ("thing1", [])
        assert english == as_is[1], "a language that is left out is the house's"
        assert await ask(client, "GET", f"{path}/preview", by=analyst) == as_is, "nothing was saved"
        for wrong in (
            {"zh_CN": {"sms": "{phone}"}},
            {"zh_CN": {"sms": ""}},
            {"en": {"sms": "x", "mini": {"a b": "{order}"}}},
            {"fr": {"sms": "x"}},
        ):
            for method, end in (("PUT", ""), ("POST", "/preview")):
                body = {**words, "texts": wrong, **({"version": 0} if method == "PUT" else {})}
                said = await ask(client, method, f"{path}{end}", 400, by=admin, **body)
                assert said == "core.invalid_input", wrong
        saved = await ask(client, "PUT", path, by=admin, version=0, **words)
        assert (saved["texts"]["zh_CN"]["sms"], saved["is_urgent"]) == ("{order} 好了", True)
        assert saved["texts"]["en"] == house["texts"]["en"]
        assert await ask(client, "PUT", path, 409, by=admin, version=0, **words) == "core.version_conflict"
        off = await ask(client, "PUT", path, by=admin, version=saved["version"], **{**words, "is_enabled": False})
        assert (off["is_enabled"], off["version"]) == (False, saved["version"] + 1)
        assert await ask(client, "GET", path, by=stranger) == house
        for method, end in (("GET", ""), ("PUT", ""), ("GET", "/preview"), ("GET", "/tests")):
            sent = {**words, "version": 0} if method == "PUT" else {}
            said = await ask(client, method, f"message-templates/x{end}", 404, by=admin, **sent)
            assert said == "messaging.template_unknown"
        assert await ask(client, "PUT", path, 403, by=analyst, version=0, **words) == "auth.forbidden"

        nobody = await ask(client, "POST", f"{path}/tests", 400, by=admin, phone="19900000000")
        assert nobody == "messaging.nobody_to_test"
        assert await ask(client, "GET", f"{path}/tests", by=analyst) == []
        await ask(client, "POST", f"{path}/tests", 202, by=admin, phone=person.phone, channel="sms")
        [test] = await ask(client, "GET", f"{path}/tests", by=analyst)
        assert (test["is_test"], test["state"], test["member_id"]) == (True, "queued", str(person.id))
        assert await ask(client, "GET", f"{path}/tests", by=stranger) == []

        decided = {"quiet_from": "22:00", "quiet_until": "08:30", "marketing_per_day": 2}
        decided |= {"retention_days": 30, "is_sms_on": False}
        stands = await ask(client, "GET", "message-settings", by=admin)
        assert stands["version"] == 0
        now = await ask(client, "PUT", "message-settings", by=admin, version=0, **decided)
        assert (
            now == await ask(client, "GET", "message-settings", by=admin) == {**decided, "version": now["version"]}
        )
        late = await ask(client, "PUT", "message-settings", 409, by=admin, version=0, **decided)
        assert late == "core.version_conflict"
        for name, value in (("marketing_per_day", 21), ("retention_days", 0), ("quiet_from", "24:00")):
            wrong_one = {**decided, name: value, "version": now["version"]}
            assert await ask(client, "PUT", "message-settings", 400, by=admin, **wrong_one) == "core.invalid_input"
        assert (await ask(client, "GET", path, by=analyst))["why_no_sms"]
        assert await ask(client, "GET", "message-settings", by=stranger) == stands
        assert await ask(client, "GET", "message-settings", 403, by=analyst) == "auth.forbidden"
    assert post.got(person, Channel.SMS) == []


async def test_a_member_s_choices_are_hers_and_headquarters_reads_what_she_agreed_to(
    post: Post, app: Litestar
) -> None:
    admin = (await sign_in_as(post.services, post.brand.id, Role.HQ_ANALYST)).headers
    other = await factories.make_brand(post.services.settings)
    stranger = (await sign_in_as(post.services, other.id, Role.HQ_ADMIN)).headers
    await post.use_wechat("order.ready")
    person = await post.person()
    hers = (await signed_in(post.services, post.brand, person.id)).headers
    await post.consent(person, "order.ready", 2)
    await post.queue(person)
    await post.send()

    async with make_client(app) as client:
        choices = await ask(client, "GET", "message-choices", by=hers)
        assert {one["message_class"]: one["is_allowed"] for one in choices["choices"]} == {
            "order": True, "appointment": True, "marketing": False
        }  # fmt: skip
        for name in ("appointment", "marketing"):
            wants = name == "marketing"
            said = await ask(client, "PUT", f"message-choices/classes/{name}", by=hers, is_allowed=wants)
            assert {"is_allowed": wants, "message_class": name}.items() <= said["choices"][1 + wants].items()
        own = await ask(client, "PUT", "message-choices/classes/order", 400, by=hers, is_allowed=False)
        assert own == "core.invalid_input", "messages about her own orders belong to the service"
        assert await ask(client, "PUT", "message-choices/classes/x", 400, by=hers, is_allowed=True)
        assert (await ask(client, "PUT", "message-choices/language", by=hers, locale="en"))["locale"] == "en"
        assert await ask(client, "PUT", "message-choices/language", 400, by=hers, locale="fr")
        assert await ask(client, "GET", "message-choices", 403, by=admin) == "auth.forbidden"

        shown = await ask(client, "GET", f"member-messaging/{person.id}", by=admin)
        assert (shown["consents"], len(shown["messages"])) == ({"order.ready": 1}, 1)
        assert [one["is_allowed"] for one in shown["choices"]] == [True, False, True]
        ledger = await ask(client, "GET", f"member-messaging/{person.id}/consents?limit=2", by=admin)
        assert ledger["phone"] == f"{person.phone[:3]}****{person.phone[-4:]}"
        assert [(one["what"], one["remaining"]) for one in ledger["entries"]["items"]] == [
            ("used", 1),
            ("gained", 2),
        ]
        assert ledger["templates"] == {wechat_id("M", "order.ready"): ["order.ready"]}
        rest = f"limit=2&cursor={ledger['entries']['next_cursor']}"
        more = await ask(client, "GET", f"member-messaging/{person.id}/consents?{rest}", by=admin)
        assert [one["remaining"] for one in more["entries"]["items"]] == [1]
        assert more["entries"]["next_cursor"] is None
        for path in (f"{person.id}", f"{person.id}/consents"):
            assert await ask(client, "GET", f"member-messaging/{path}", 404, by=stranger) == "core.not_found"
        assert await ask(client, "GET", f"member-messaging/{new_id()}", 404, by=admin) == "core.not_found"
