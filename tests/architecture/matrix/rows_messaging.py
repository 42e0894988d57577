"""Who may call what messaging offers."""

import uuid

from tests.architecture.matrix.cells import (
    ALL,
    CUSTOMERS,
    HQ,
    HQ_ADMINS,
    OTHER_BRAND,
    Build,
    Call,
    Caller,
    Row,
    World,
    get,
    send,
)
from tests.architecture.matrix.rows_members import at_brand
from tests.members.makers import make_customer
from yundian.messaging import api
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id, readable_code

_TEMPLATE = {
    "version": "0",
    "is_enabled": "on",
    "sms_zh_CN": "{order}",
    "sms_en": "{order}",
}
_POLICY = {
    "version": "0",
    "quiet_from": "21:00",
    "quiet_until": "09:00",
    "marketing_per_day": "1",
    "retention_days": "90",
}

_WORDS = {"is_enabled": True, "is_urgent": False, "texts": {"zh_CN": {"sms": "{order}"}, "en": {"sms": "{order}"}}}
_DECIDED = {
    "quiet_from": "21:00",
    "quiet_until": "09:00",
    "marketing_per_day": 1,
    "retention_days": 90,
    "is_sms_on": False,
}
_JSON = "/v1/message-templates"
_PHONE = {"phone": "19900000000"}


async def _queued(world: World) -> tuple[uuid.UUID, uuid.UUID, str]:
    """A message of the first brand, its member, and text of it that nobody else may read."""
    member = await make_customer(world.services, world.brand)
    fact_key = f"matrix-{readable_code(12)}"
    async with world.services.database.connection(world.brand.id) as tx:
        await api.queue(
            tx,
            fact_key=fact_key,
            member_id=member.id,
            template="order.ready",
            values={"order": "1", "product": "x", "shop": "y"},
            send_after=clock.now(),
        )
        sql = "SELECT id FROM messaging_message WHERE brand_id = $1 AND fact_key = $2"
        message_id: uuid.UUID = await tx.fetchval(sql, world.brand.id, fact_key)
    return message_id, member.id, fact_key


async def one_message(world: World, _caller: Caller) -> Call:
    message_id, _member, fact_key = await _queued(world)
    return Call(path=f"/hq/messages/{message_id}", target=fact_key)


async def a_members(world: World, _caller: Caller) -> Call:
    message_id, member_id, _fact = await _queued(world)
    return Call(path=f"/hq/panels/member-messages/{member_id}", target=str(message_id))


async def her_consents(world: World, _caller: Caller) -> Call:
    _message_id, member_id, _fact = await _queued(world)
    return Call(path=f"/hq/messages/consents/{member_id}", target=str(member_id))


async def failed_message(world: World, _caller: Caller) -> Call:
    message_id, _member, _fact = await _queued(world)
    async with world.services.database.connection(world.brand.id) as tx:
        sql = "UPDATE messaging_message SET state = 'failed', next_at = NULL WHERE brand_id = $1 AND id = $2"
        await tx.execute(sql, world.brand.id, message_id)
    return Call(method="POST", path=f"/hq/messages/{message_id}/send-again", form={"x": "y"})


def by_json(build: Build, old: str, new: str) -> Build:
    """The same thing at another address; what is sent has no body."""

    async def changed(world: World, _caller: Caller) -> Call:
        call = await build(world, _caller)
        return Call(method=call.method, path=call.path.replace(old, new), target=call.target)

    return changed


async def consents_by_json(world: World, _caller: Caller) -> Call:
    _message_id, member_id, _fact = await _queued(world)
    return Call(path=f"/v1/member-messaging/{member_id}/consents", target=str(member_id))


async def template_by_json(world: World, caller: Caller) -> Call:
    version = int(((await own_template(world, caller)).form or {})["version"])
    return Call(method="PUT", path=f"{_JSON}/order.ready", json={**_WORDS, "version": version})


async def policy_by_json(world: World, caller: Caller) -> Call:
    version = int(((await own_policy(world, caller)).form or {})["version"])
    return Call(method="PUT", path="/v1/message-settings", json={**_DECIDED, "version": version})


async def own_template(world: World, caller: Caller) -> Call:
    """As the caller's brand has it."""
    brand = world.other_brand if caller.actor in OTHER_BRAND else world.brand
    async with world.services.database.connection(brand.id) as tx:
        sql = "SELECT version FROM messaging_template WHERE brand_id = $1 AND code = 'order.ready'"
        version = await tx.fetchval(sql, brand.id) or 0
    form = {**_TEMPLATE, "version": str(version)}
    return Call(method="POST", path="/hq/message-templates/order.ready", form=form)


async def own_policy(world: World, caller: Caller) -> Call:
    brand = world.other_brand if caller.actor in OTHER_BRAND else world.brand
    async with world.services.database.connection(brand.id) as tx:
        version = await tx.fetchval("SELECT version FROM messaging_policy WHERE brand_id = $1", brand.id) or 0
    return Call(method="POST", path="/hq/message-settings", form={**_POLICY, "version": str(version)})


def consents() -> Build:
    async def build(_world: World, _caller: Caller) -> Call:
        body = {"reference": str(new_id()), "results": {}}
        return Call(method="POST", path="/v1/message-consents", json=body)

    return build


READERS, WRITERS = HQ | OTHER_BRAND, HQ_ADMINS | OTHER_BRAND

ROWS: dict[str, Row] = {
    "messaging.messages": Row(call=get("/hq/messages"), may=READERS, is_page=True),
    "messaging.messages.of_phone": Row(
        call=send("POST", "/hq/messages/of-phone", form={"phone": "19900000000"}), may=READERS, is_page=True
    ),
    "messaging.messages_csv": Row(call=get("/hq/messages/csv"), may=READERS, is_page=True),
    "messaging.consents": Row(call=her_consents, may=HQ, unknown=OTHER_BRAND, is_page=True),
    "messaging.summary": Row(call=get("/hq/messages/summary"), may=READERS, is_page=True),
    "messaging.message": Row(call=one_message, may=HQ, unknown=OTHER_BRAND, is_page=True),
    "messaging.message.again": Row(call=failed_message, may=HQ_ADMINS, unknown=OTHER_BRAND, is_page=True),
    "messaging.messages.again": Row(
        call=send("POST", "/hq/messages/send-parked-again", form={"x": "y"}), may=WRITERS, is_page=True
    ),
    # Another brand's admin sees her own brand, where there is no such member: an empty panel.
    "messaging.member.panel": Row(call=a_members, may=READERS, is_page=True),
    "messaging.templates": Row(call=get("/hq/message-templates"), may=READERS, is_page=True),
    "messaging.template": Row(call=get("/hq/message-templates/order.ready"), may=READERS, is_page=True),
    "messaging.template.save": Row(call=own_template, may=WRITERS, is_page=True),
    # What was typed says nothing: the form is shown again.
    "messaging.template.preview": Row(
        call=send("POST", "/hq/message-templates/order.ready/preview", form={"version": "0"}),
        may=WRITERS,
        is_page=True,
        ok_status=400,
    ),
    "messaging.template.tests": Row(
        call=get("/hq/message-templates/order.ready/tests"), may=READERS, is_page=True
    ),
    # Nobody has this phone, which is said in the form.
    "messaging.template.test": Row(
        call=send("POST", "/hq/message-templates/order.ready/test", form={"phone": "19900000000"}),
        may=WRITERS,
        is_page=True,
        ok_status=400,
    ),
    "messaging.settings": Row(call=get("/hq/message-settings"), may=WRITERS, is_page=True),
    "messaging.settings.save": Row(call=own_policy, may=WRITERS, is_page=True),
    "messaging.choices": Row(call=at_brand("GET", "/messages"), may=CUSTOMERS, is_page=True),
    "messaging.choices.save": Row(
        call=at_brand("POST", "/messages", message_class="appointment"), may=CUSTOMERS, is_page=True
    ),
    "messaging.choices.language": Row(
        call=at_brand("POST", "/messages/language", locale="en"), may=CUSTOMERS, is_page=True
    ),
    "messaging_list_subscriptions": Row(call=get("/v1/message-consents"), may=CUSTOMERS),
    # The brand has no mini program.
    "messaging_report_consents": Row(call=consents(), may=CUSTOMERS, ok_status=409),
    "messaging_list_messages": Row(call=get("/v1/messages"), may=READERS),
    # Nobody has this phone.
    "messaging_find_addressee": Row(
        call=send("POST", "/v1/messages/of-phone", json=_PHONE), may=READERS, ok_status=400
    ),
    "messaging_summarise": Row(call=get("/v1/messages/summary"), may=READERS),
    "messaging_get_message": Row(call=by_json(one_message, "/hq/", "/v1/"), may=HQ, unknown=OTHER_BRAND),
    "messaging_send_again": Row(call=by_json(failed_message, "/hq/", "/v1/"), may=HQ_ADMINS, unknown=OTHER_BRAND),
    "messaging_send_parked_again": Row(call=send("POST", "/v1/messages/send-parked-again"), may=WRITERS),
    "messaging_list_templates": Row(call=get(_JSON), may=READERS),
    "messaging_get_template": Row(call=get(f"{_JSON}/order.ready"), may=READERS),
    "messaging_put_template": Row(call=template_by_json, may=WRITERS),
    "messaging_preview_template": Row(call=get(f"{_JSON}/order.ready/preview"), may=READERS),
    "messaging_preview_template_draft": Row(
        call=send("POST", f"{_JSON}/order.ready/preview", json=_WORDS), may=WRITERS
    ),
    "messaging_list_template_tests": Row(call=get(f"{_JSON}/order.ready/tests"), may=READERS),
    "messaging_test_template": Row(
        call=send("POST", f"{_JSON}/order.ready/tests", json=_PHONE), may=WRITERS, ok_status=400
    ),
    "messaging_get_settings": Row(call=get("/v1/message-settings"), may=WRITERS),
    "messaging_put_settings": Row(call=policy_by_json, may=WRITERS),
    "messaging_get_member": Row(
        call=by_json(a_members, "/hq/panels/member-messages", "/v1/member-messaging"),
        may=HQ,
        unknown=OTHER_BRAND,
    ),
    "messaging_list_consents": Row(call=consents_by_json, may=HQ, unknown=OTHER_BRAND),
    "messaging_get_choices": Row(call=get("/v1/message-choices"), may=CUSTOMERS),
    "messaging_choose": Row(
        call=send("PUT", "/v1/message-choices/classes/appointment", json={"is_allowed": True}), may=CUSTOMERS
    ),
    "messaging_choose_language": Row(
        call=send("PUT", "/v1/message-choices/language", json={"locale": "en"}), may=CUSTOMERS
    ),
    # The provider has a key, and nobody else: what is said without it is refused.
    "messaging.sms.reports": Row(call=send("POST", "/sms/reports", json=[]), may=ALL, ok_status=400),
    "messaging.sms.replies": Row(call=send("POST", "/sms/replies", json=[]), may=ALL, ok_status=400),
}
