import datetime as dt
import io
import struct
import zlib
from typing import Any

import anyio
import httpx
import pytest
from PIL import Image, ImageCms

from tests import factories
from tests.catalog.makers import drawn_picture, make_picture, make_product, picture_file, product_fields
from tests.helpers import csrf_token, make_client
from tests.people import sign_in_as
from yundian.brands.types import BrandView
from yundian.catalog import api as catalog
from yundian.catalog.adapters import pictures as drawing
from yundian.catalog.errors import PictureTooLarge, PictureTooSmall, PictureUnreadable, TooManyPictures
from yundian.catalog.service import pictures as service
from yundian.platform.core import clock
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

WHERE = b"GPS 31.2304 N 121.4737 E"


def _photo(*, kind: str = "JPEG", size: tuple[int, int] = (1600, 400), **options: Any) -> bytes:
    """As a phone held sideways takes it: left half red, right half blue, place and camera noted."""
    image = Image.new("RGB", size, "#c01020")
    image.paste("#1020c0", (size[0] // 2, 0, *size))
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = WHERE.decode()
    file = io.BytesIO()
    image.save(file, kind, exif=exif, **options)
    return file.getvalue()


def _png_that_claims(width: int, height: int) -> bytes:
    """A file of some bytes that would take gigabytes to decode."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 1000)), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def test_a_photo_is_kept_upright_in_its_colours_and_without_what_it_told() -> None:
    wide = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert WHERE in _photo(icc_profile=wide)

    drawn = drawing.draw(_photo(icc_profile=wide))

    large, small, card = (Image.open(io.BytesIO(data)) for data in (drawn.large, drawn.small, drawn.card))
    assert [image.format for image in (large, small, card)] == ["WEBP", "WEBP", "JPEG"]
    assert (large.size, small.size, card.size) == ((320, 1280), (80, 320), (500, 500))
    assert (drawn.width, drawn.height, drawn.small_width, drawn.small_height) == (320, 1280, 80, 320)
    top, bottom = large.getpixel((160, 100)), large.getpixel((160, 1180))
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert top[0] > 150 > 90 > top[2]
    assert bottom[2] > 150 > 90 > bottom[0]
    for image, data in ((large, drawn.large), (small, drawn.small), (card, drawn.card)):
        assert not image.getexif()
        assert "icc_profile" not in image.info
        assert WHERE not in data


def test_what_is_transparent_stands_on_white_and_grey_and_print_colours_are_read() -> None:
    file = io.BytesIO()
    Image.new("RGBA", (300, 300), (10, 20, 30, 0)).save(file, "PNG")
    clear = Image.open(io.BytesIO(drawing.draw(file.getvalue()).large))
    assert clear.getpixel((150, 150)) == (255, 255, 255)

    for mode, kind in (("L", "PNG"), ("P", "PNG"), ("LA", "WEBP"), ("CMYK", "JPEG"), ("I;16", "PNG")):
        file = io.BytesIO()
        Image.new(mode, (300, 310)).save(file, kind)
        assert (drawing.draw(file.getvalue()).width, mode) == (300, mode)


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"", PictureUnreadable),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", PictureUnreadable),
        (picture_file(kind="GIF"), PictureUnreadable),
        (picture_file(kind="BMP"), PictureUnreadable),
        (_photo()[:2000], PictureUnreadable),
        (_png_that_claims(400, 400), PictureUnreadable),
        (_png_that_claims(60_000, 60_000), PictureTooLarge),
        (_png_that_claims(10_000, 9_000), PictureTooLarge),
        (b"\xff" * (10 * 1024 * 1024 + 1), PictureTooLarge),
        (picture_file(size=(299, 2000)), PictureTooSmall),
    ],
    ids=["empty", "svg", "gif", "bmp", "cut", "lying", "bomb", "large", "heavy", "small"],
)
def test_what_is_no_good_picture_is_refused_before_it_costs_anything(
    data: bytes, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        drawing.draw(data)


async def test_pictures_are_added_ordered_removed_put_back_and_seen_by_everybody(
    app: Any, client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    headers = (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers
    product = await make_product(services, brand)
    base = f"/v1/products/{product.id}/pictures"

    made = [
        await client.post(base, files={"file": ("a.png", picture_file(colour), "image/png")}, headers=headers)
        for colour in ("#a03020", "#2030a0", "#a03020")
    ]
    red, blue, again = (answer.json() for answer in made)
    wrong = await client.post(base, files={"file": ("a.gif", picture_file(kind="GIF"))}, headers=headers)
    order = await client.put(base, json={"ids": [blue["id"]]}, headers=headers)
    public = make_client(app)
    seen = await public.get(red["large"])

    assert [answer.status_code for answer in made] == [201, 201, 201]
    assert again["id"] == red["id"]
    assert (wrong.status_code, wrong.json()["code"]) == (400, "catalog.picture_unreadable")
    assert [one["id"] for one in order.json()] == [blue["id"], red["id"]]
    assert (seen.status_code, seen.headers["content-type"]) == (200, "image/webp")
    assert seen.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert Image.open(io.BytesIO(seen.content)).size == (320, 300)
    assert (await public.get(red["card"])).headers["content-type"] == "image/jpeg"
    listed = (await client.get("/v1/products", headers=headers)).json()["items"][0]
    assert listed["picture"]["id"] == blue["id"]

    await client.delete(f"/v1/pictures/{blue['id']}", headers=headers)
    gone = await public.get(blue["small"])
    async with services.database.connection(brand.id) as tx:
        left = await catalog.pictures_of(tx, sku_ids={product.skus[0].id})
    back = await client.post(f"/v1/pictures/{blue['id']}/restore", headers=headers)

    assert gone.status_code == 404
    assert [str(one.id) for one in left[product.skus[0].id]] == [red["id"]]
    assert back.json()["removed_at"] is None
    assert (await public.get(blue["small"])).status_code == 200
    whole = (await client.get(f"/v1/products/{product.id}", headers=headers)).json()
    assert [one["id"] for one in whole["pictures"]] == [blue["id"], red["id"]]
    for strange in (
        "x",
        "../../etc/passwd",
        red["large"].rsplit("/", 1)[1].replace(".webp", ".jpg"),
        f"{'0' * 64}-l.webp",
    ):
        assert (await public.get(f"/pictures/{brand.id}/{strange}")).status_code == 404
    await public.aclose()


async def test_another_brand_has_the_same_picture_only_when_it_brings_it(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    other = await factories.make_brand(services.settings)
    ours = await make_picture(services, brand, (await make_product(services, brand)).id)
    theirs = ours.small.replace(str(brand.id), str(other.id))

    before = await client.get(theirs)
    await make_picture(services, other, (await make_product(services, other)).id)

    assert before.status_code == 404
    assert (await client.get(theirs)).status_code == 200


async def test_what_was_removed_for_a_month_is_gone_with_its_file_and_nothing_else_is(
    services: Services, brand: BrandView
) -> None:
    first, second = (
        await make_product(services, brand),
        await make_product(services, brand, fields=product_fields("B"), skus=()),
    )
    shared = await make_picture(services, brand, first.id)
    await make_picture(services, brand, second.id)
    old, recent = [await make_picture(services, brand, first.id, colour) for colour in ("#101010", "#202020")]
    async with services.database.connection(brand.id) as tx:
        for view in (shared, old, recent):
            await service.remove_picture(tx, picture_id=view.id)
        month = clock.now() - dt.timedelta(days=31)
        await tx.execute("UPDATE catalog_picture_file SET created_at = $1", month)
        await tx.execute(
            "UPDATE catalog_picture SET removed_at = $1 WHERE id = ANY($2)", month, [shared.id, old.id]
        )

    await service.forget_removed(services.database)

    async with services.database.connection(brand.id) as tx:
        views = await service.list_pictures(tx, product_id=first.id)
        files = {row["digest"] for row in await tx.fetch("SELECT digest FROM catalog_picture_file")}
    assert [view.id for view in views] == [recent.id]
    assert files == {drawn_picture().digest, drawn_picture("#202020").digest}


async def test_two_at_once_do_not_get_past_the_twelfth(services: Services, brand: BrandView) -> None:
    product = await make_product(services, brand)
    for number in range(11):
        await make_picture(services, brand, product.id, f"#{number * 20:02x}00ff")
    outcomes: list[str] = []

    async def add(colour: str) -> None:
        try:
            await make_picture(services, brand, product.id, colour)
            outcomes.append("in")
        except TooManyPictures:
            outcomes.append("refused")

    async with anyio.create_task_group() as tasks:
        for colour in ("#111111", "#222222", "#333333"):
            tasks.start_soon(add, colour)

    assert sorted(outcomes) == ["in", "refused", "refused"]


async def test_hq_puts_pictures_on_the_page_of_the_product(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    headers = (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers | {"Accept": "text/html"}
    client.cookies.set("locale", "en")
    product = await make_product(services, brand)
    page = f"/hq/products/{product.id}"
    headers |= {"X-CSRF-Token": await csrf_token(client)}
    part = headers | {"HX-Request": "true"}

    files = [("file", ("red.png", picture_file())), ("file", ("evil.png", b"<svg>"))]
    mixed = await client.post(f"{page}/pictures", files=files, headers=part)
    blue = await make_picture(services, brand, product.id, "#2030a0")
    moved = await client.post(f"{page}/pictures/{blue.id}/move", data={"to": "first"}, headers=headers)
    after = (await client.get(page, headers=headers)).text
    removed = await client.post(f"{page}/pictures/{blue.id}/remove", headers=part)
    without = await client.post(f"{page}/pictures", files=[("file", ("", b""))], headers=headers)

    assert mixed.text.count("<img") == 1
    assert "evil.png: Not a JPEG, PNG or WebP picture, or a broken one" in mixed.text
    assert "<!doctype html>" not in mixed.text
    assert (moved.status_code, moved.headers["location"]) == (303, f"{page}#pictures")
    assert after.index(blue.small) < after.index("Main picture")
    assert "1 removed picture" in removed.text
    assert (await client.get(f"{page}/pictures/{blue.id}", headers=headers)).content == drawn_picture(
        "#2030a0"
    ).small
    assert without.status_code == 400
    assert "Choose a picture first." in without.text
    assert "<!doctype html>" in without.text
