"""A shop's people share their links on their phones; customers pass them on."""

import io
import struct

import httpx
import pytest
from litestar import Litestar
from PIL import Image

from tests.attribution.makers import decided, make_link, touch
from tests.helpers import make_client, submit
from tests.members.makers import make_customer, set_up_app
from tests.people import Person, sign_in_as
from tests.sandbox.running import RunningSandbox
from tests.stores.makers import make_shop, shop_fields
from yundian.attribution import api
from yundian.attribution.adapters.poster import HEIGHT, WIDTH, Poster, draw
from yundian.attribution.types import LinkView
from yundian.brands.types import BrandView
from yundian.members.types import AppKind
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

BROWSER = b"b" * 32


def phone(app: Litestar, person: Person, **headers: str) -> httpx.AsyncClient:
    return make_client(app, headers={**person.headers, "Accept": "text/html", "Accept-Language": "en", **headers})


async def test_a_shops_people_see_the_shops_links_and_their_own(
    app: Litestar, services: Services, brand: BrandView
) -> None:
    shop, other = [await make_shop(services, brand, fields=shop_fields(c, name=f"{c} 店")) for c in ("A", "B")]
    owner = await sign_in_as(services, brand.id, Role.SHOP_OWNER, shop_id=shop.id)
    staff = await sign_in_as(services, brand.id, Role.SHOP_STAFF, shop_id=shop.id)
    colleague = await sign_in_as(services, brand.id, Role.SHOP_STAFF, shop_id=shop.id)
    empty = await sign_in_as(services, brand.id, Role.SHOP_STAFF, shop_id=other.id)
    link = await make_link(services, brand, shop.id)
    await touch(services, link, visitor=BROWSER)

    async with phone(app, staff) as hers:
        made = await submit(hers, f"/shop/links/{link.id}/mine", {})
        mine = made.headers["location"]
        assert made.status_code == 303
        assert (await submit(hers, f"/shop/links/{link.id}/mine", {})).headers["location"] == mine
        shown = (await hers.get("/shop/links")).text
        assert "The shop's link" in shown
        assert "My own link" in shown
        assert "¥99.00" in shown or "CN¥99.00" in shown
        one = await hers.get(f"/shop/links/{link.id}")
        assert f"https://testserver{link.path}" in one.text
        assert "End this link" not in one.text
        assert "End this link" in (await hers.get(mine)).text
        panel = await hers.get("/shop/panels/links")
        assert "1 opened" in panel.text
    async with phone(app, colleague) as theirs:
        assert (await theirs.get(mine)).status_code == 404
        assert "My own link" not in (await theirs.get("/shop/links")).text
        assert (await submit(theirs, f"{mine}/end", {})).status_code == 404
        assert (await submit(theirs, f"/shop/links/{link.id}/end", {})).status_code == 404
    async with phone(app, empty) as nobody:
        assert "No links yet" in (await nobody.get("/shop/links")).text
        assert (await nobody.get(f"/shop/links/{link.id}")).status_code == 404
        assert (await nobody.get(f"/shop/links/{link.id}/poster.png")).status_code == 404
    async with phone(app, owner) as boss:
        assert f"Link of Person {staff.login[-4:]}" in (await boss.get("/shop/links")).text
        assert (await submit(boss, f"{mine}/end", {})).status_code == 303
        assert (await boss.get(mine)).status_code == 404


async def test_code_and_poster_are_pictures_that_a_browser_keeps(
    app: Litestar, services: Services, brand: BrandView
) -> None:
    shop = await make_shop(services, brand)
    person = await sign_in_as(services, brand.id, Role.SHOP_OWNER, shop_id=shop.id)
    link = await make_link(services, brand, shop.id)
    async with phone(app, person) as hers:
        code = await hers.get(f"/shop/links/{link.id}/code.svg")
        assert (code.status_code, code.headers["content-type"].split(";")[0]) == (200, "image/svg+xml")
        # As an image of its own it needs its namespace.
        assert 'xmlns="http://www.w3.org/2000/svg"' in code.text
        poster = await hers.get(f"/shop/links/{link.id}/poster.png")
        tag = poster.headers["etag"]
        again = await hers.get(f"/shop/links/{link.id}/poster.png", headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
        await make_link(services, brand, shop.id, title="换了标题")
        changed = await hers.get(f"/shop/links/{link.id}/poster.png", headers={"If-None-Match": tag})
    assert (poster.status_code, changed.status_code) == (200, 200)
    assert poster.content != changed.content
    assert struct.unpack(">II", poster.content[16:24]) == (WIDTH, HEIGHT)


def test_a_poster_shows_chinese_text_and_not_boxes() -> None:
    """A character that the font lacks is drawn as the same box as every other."""

    def title(text: str) -> bytes:
        drawn = draw(
            Poster(url="https://x/s/ABCDE23456", brand="", shop="", place="", title=text, price="", invitation="x")
        )
        return Image.open(io.BytesIO(drawn)).crop((0, 100, WIDTH, 300)).tobytes()

    pictures = {text: title(text) for text in ("拼", "团", "釉", "麓", "\U000f0000", "\U000f0001", "")}
    assert pictures["\U000f0000"] == pictures["\U000f0001"]
    assert len({pictures[text] for text in ("拼", "团", "釉", "麓", "", "\U000f0000")}) == 6
    long = Poster(
        url="https://x/s/ABCDE23456",
        brand="B" * 80,
        shop="很长的店名" * 20,
        place="p " * 200,
        title="word " * 60,
        price="¥1,234,567.00",
        invitation="扫码",
    )
    assert Image.open(io.BytesIO(draw(long))).size == (WIDTH, HEIGHT)


async def share(client: httpx.AsyncClient, link: LinkView, url: str, **headers: str) -> httpx.Response:
    return await client.post("/v1/share-card", json={"token": link.token, "url": url}, headers=headers)


async def test_a_share_card_works_without_an_official_account_and_keeps_the_shop(
    client: httpx.AsyncClient, services: Services, brand: BrandView, other_brand: BrandView
) -> None:
    shop = await make_shop(services, brand, fields=shop_fields(name="淮海路店"))
    link = await make_link(services, brand, shop.id, target_path="/m/x/c/y")
    customer, foreign = await make_customer(services, brand), await make_customer(services, other_brand)
    here = "https://testserver/m/x/c/y?via=z#top"

    plain = (await share(client, link, here)).json()
    assert plain["url"] == f"https://testserver{link.path}"
    assert (plain["title"], plain["text"], plain["wechat"]) == (link.title, "淮海路店", None)
    own = [(await share(client, link, here, **customer.headers)).json()["url"] for _ in range(2)]
    assert own[0] == own[1] != plain["url"]
    passed_on = await api.resolve(services.database, keyring=services.keyring, token=own[0].rpartition("/")[2])
    assert (passed_on.parent_link_id, passed_on.sharer_member_id) == (link.id, customer.id)
    assert passed_on.shop_id == shop.id
    # Her own link is shared as it is, and who is a customer elsewhere shares the shop's.
    assert (await share(client, passed_on, here, **customer.headers)).json()["url"] == own[0]
    assert (await share(client, link, here, **foreign.headers)).json()["url"] == plain["url"]

    # A page that she got to from there is passed on as that page, by the same shop.
    group = [
        (await share(client, link, "https://testserver/m/x/g/ABC?via=z", **headers)).json()["url"]
        for headers in (customer.headers, customer.headers, {}, {})
    ]
    assert group[0] == group[1]
    found = await api.resolve(services.database, keyring=services.keyring, token=group[0].rpartition("/")[2])
    assert (found.target_path, found.shop_id, found.campaign_id) == ("/m/x/g/ABC", shop.id, link.campaign_id)
    # Strangers fill no table; the staff's pages are nobody's to pass on; what ended leads to the page alone.
    assert group[2:] == ["https://testserver/m/x/g/ABC"] * 2
    staffs = await share(client, link, "https://testserver/hq?x=1", **customer.headers)
    assert staffs.json()["url"] == "https://testserver/hq"
    async with services.database.connection(brand.id) as tx:
        await api.revoke_link(tx, link_id=link.id)
    assert (await share(client, link, here, **customer.headers)).json()["url"] == "https://testserver/m/x/c/y"

    for address in ("https://evil.example/m/x", "http://testserver/m/x", "//testserver/m", "x"):
        refused = await share(client, link, address)
        assert (refused.status_code, refused.json()["code"]) == (400, "attribution.not_our_address")
    unknown = await client.post("/v1/share-card", json={"token": "NOSUCHTOKE", "url": here})
    assert unknown.status_code == 404


async def test_a_mini_program_that_was_opened_by_a_link_keeps_the_touch(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    shop = await make_shop(services, brand)
    link = await make_link(services, brand, shop.id)
    customer = await make_customer(services, brand)
    asked = {"token": link.token, "visitor": "v" * 24}

    found = await client.post("/v1/touches", json=asked)
    assert found.json() == {
        "kind": "campaign",
        "target_type": link.target_type,
        "target_id": str(link.target_id),
        "path": link.target_path,
        "title": link.title,
        "shop_id": str(shop.id),
        "campaign_id": str(link.campaign_id),
        "is_live": True,
    }
    other = {"token": link.token, "visitor": "w" * 24}
    assert (await client.post("/v1/touches", json=other, headers=customer.headers)).status_code == 200
    assert (await decided(services, brand, member_id=customer.id)).shop_id == shop.id
    hers = api.visitor_hash(services.keyring, "v" * 24)
    assert (await decided(services, brand, visitor=hers)).shop_id == shop.id
    assert (await client.post("/v1/touches", json={**asked, "token": "NOSUCHTOKE"})).status_code == 404
    assert (await client.post("/v1/touches", json={**asked, "visitor": "short"})).status_code == 400


async def test_inside_wechat_a_page_may_set_the_menu_and_while_wechat_is_away_it_is_shared_plain(
    shop_app: Litestar,
    services: Services,
    brand: BrandView,
    other_brand: BrandView,
    official: str,
    sandbox: RunningSandbox,
) -> None:
    here = "https://testserver/m/x/c/y?via=z"
    links = [await make_link(services, one, (await make_shop(services, one)).id) for one in (brand, other_brand)]
    await set_up_app(services, other_brand, sandbox, AppKind.OFFICIAL)
    async with make_client(shop_app) as browser:
        signed = (await share(browser, links[0], f"{here}#top")).json()["wechat"]
        sandbox.break_it("down", provider="wechat", operation="cgi-bin.*", params={"status": 502})
        away = await share(browser, links[1], here)

    asked = {"appid" if name == "app_id" else name: value for name, value in signed.items()}
    assert signed["app_id"] == official
    assert sandbox.post("wechat/js-config", {**asked, "url": here}) == {"errMsg": "config:ok"}
    assert (away.status_code, away.json()["wechat"]) == (200, None)
