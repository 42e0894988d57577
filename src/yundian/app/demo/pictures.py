"""Pictures for the demo's products, drawn from their own shades: nobody's photographs, and no network."""

import io
import uuid
from collections.abc import Callable, Sequence

from PIL import Image, ImageColor, ImageDraw, ImageFilter

from yundian.catalog import api as catalog
from yundian.catalog.types import NamedSku
from yundian.platform.db.services import Services

SIDE = 480
# Drawn larger and shrunk: round things get smooth edges.
_S = 2 * SIDE
_DARK, _GOLD = "#2b2326", "#c9a56a"
_MOST = 3
# The rest show how a product without one looks.
_PRODUCTS = 16

Pen = ImageDraw.ImageDraw
Shape = Callable[[Pen, float, float, str], None]


async def ensure_pictures(services: Services, brand_id: uuid.UUID, codes: Sequence[str]) -> None:
    """A picture for each product with shades that has none, as HQ would have uploaded it."""
    async with services.database.unit_of_work(brand_id) as session:
        known = await catalog.find_skus(session, codes=codes)
        shown = await catalog.pictures_of(session, sku_ids={sku.id for sku in known.values()})
        pictured = {view.product_id for views in shown.values() for view in views}
        products: dict[uuid.UUID, list[NamedSku]] = {}
        for code in codes:
            sku = known.get(code)
            if sku is not None and sku.id not in shown and sku.shade_hex:
                products.setdefault(sku.product_id, []).append(sku)
        for product_id, skus in list(products.items())[: _PRODUCTS - len(pictured)]:
            shades = list(dict.fromkeys(sku.shade_hex for sku in skus if sku.shade_hex))
            await catalog.add_picture(session, product_id=product_id, data=draw(skus[0].category, shades))


def draw(category: str, shades: Sequence[str]) -> bytes:
    """A PNG: some of the shades side by side, as the things they come in, on a quiet ground of their own tone."""
    shades = shades[:_MOST]
    ground = Image.new("RGB", (_S, _S), _mixed(shades[0], "#ffffff", 0.82))
    light = Image.radial_gradient("L").resize((int(_S * 1.6), int(_S * 1.6)))
    light = light.crop((int(_S * 0.3), int(_S * 0.1), int(_S * 1.3), int(_S * 1.1)))
    ground = Image.composite(Image.new("RGB", (_S, _S), _mixed(shades[0], "#ffffff", 0.62)), ground, light)
    shape = _SHAPES.get(category, _pan)
    step = _S / (len(shades) + 1)
    shadows = Image.new("L", (_S, _S), 0)
    for number in range(len(shades)):
        x = step * (number + 1)
        ImageDraw.Draw(shadows).ellipse((x - step * 0.4, _S * 0.74, x + step * 0.46, _S * 0.81), fill=70)
    shadows = shadows.reduce(8).filter(ImageFilter.GaussianBlur(5)).resize((_S, _S))
    ground.paste(_DARK, mask=shadows)
    pen = ImageDraw.Draw(ground)
    for number, shade in enumerate(shades):
        shape(pen, step * (number + 1), step * 0.72, shade)
    file = io.BytesIO()
    ground.reduce(2).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _lipstick(pen: Pen, x: float, width: float, shade: str) -> None:
    width *= 1.3
    w, foot = width * 0.36, _S * 0.78
    top = foot - width * 1.95
    left, right = x - w * 0.72, x + w * 0.72
    pen.polygon([(left, top + w * 1.5), (right, top + w * 0.3), (right, foot), (left, foot)], shade)
    pen.ellipse((x - w * 0.05, top, right, top + w * 0.9), shade)
    pen.polygon([(left, top + w * 1.5), (x + w * 0.1, top + w * 0.1), (right, top + w * 0.45)], shade)
    pen.polygon(
        [
            (left, top + w * 1.5),
            (x + w * 0.05, top + w * 0.12),
            (x + w * 0.4, top + w * 0.5),
            (x - w * 0.3, top + w * 1.7),
        ],
        _mixed(shade, "#ffffff", 0.22),
    )
    pen.rectangle((x - w * 0.86, foot - width * 0.95, x + w * 0.86, foot), _GOLD)
    pen.rectangle((x - w * 0.5, foot - width * 0.95, x - w * 0.3, foot), _mixed(_GOLD, "#ffffff", 0.5))
    pen.rounded_rectangle((x - w, foot - width * 0.72, x + w, foot), w * 0.14, _DARK)
    pen.rectangle((x - w * 0.72, foot - width * 0.72, x - w * 0.55, foot - w * 0.1), _mixed(_DARK, "#ffffff", 0.2))


def _bottle(pen: Pen, x: float, width: float, shade: str) -> None:
    w, foot = width * 0.52, _S * 0.78
    top = foot - width * 1.75
    pen.rectangle((x - w * 0.5, top - width * 0.62, x + w * 0.5, top + w * 0.3), _DARK)
    pen.rectangle((x - w * 0.34, top - width * 0.62, x - w * 0.2, top), _mixed(_DARK, "#ffffff", 0.25))
    pen.rectangle((x - w * 0.56, top - w * 0.16, x + w * 0.56, top + w * 0.04), _GOLD)
    pen.rounded_rectangle((x - w, top, x + w, foot), w * 0.34, _mixed(shade, "#ffffff", 0.55))
    pen.rounded_rectangle((x - w * 0.86, top + w * 0.3, x + w * 0.86, foot - w * 0.14), w * 0.26, shade)
    pen.rounded_rectangle(
        (x - w * 0.66, top + w * 0.5, x - w * 0.44, foot - w * 0.5), w * 0.1, _mixed(shade, "#ffffff", 0.45)
    )


def _pan(pen: Pen, x: float, width: float, shade: str) -> None:
    r = width * 0.58
    box = (x - r, _S * 0.78 - 2 * r, x + r, _S * 0.78)
    pen.ellipse(box, _DARK)
    inner = tuple(edge + (r * 0.1 if at < 2 else -r * 0.1) for at, edge in enumerate(box))
    pen.ellipse(inner, _GOLD)
    inner = tuple(edge + (r * 0.16 if at < 2 else -r * 0.16) for at, edge in enumerate(box))
    pen.ellipse(inner, shade)
    pen.arc(inner, 150, 290, _mixed(shade, "#ffffff", 0.4), int(r * 0.07))


def _pencil(pen: Pen, x: float, width: float, shade: str) -> None:
    w, foot = width * 0.24, _S * 0.8
    top = _S * 0.2
    pen.polygon([(x, top), (x - w, top + w * 2.6), (x + w, top + w * 2.6)], _mixed("#e8cfae", shade, 0.1))
    pen.polygon([(x, top), (x - w * 0.45, top + w * 1.15), (x + w * 0.45, top + w * 1.15)], shade)
    pen.rectangle((x - w, top + w * 2.6, x + w, foot - w), _mixed(shade, _DARK, 0.25))
    pen.rectangle((x - w * 0.6, top + w * 2.6, x - w * 0.25, foot - w), _mixed(shade, "#ffffff", 0.3))
    pen.rounded_rectangle((x - w, foot - w * 2, x + w, foot), w * 0.5, _GOLD)


def _polish(pen: Pen, x: float, width: float, shade: str) -> None:
    w, foot = width * 0.56, _S * 0.78
    top = foot - width * 1.05
    pen.rounded_rectangle((x - w * 0.44, top - width * 1.3, x + w * 0.44, top + w * 0.3), w * 0.2, _DARK)
    pen.rectangle((x - w * 0.26, top - width * 1.2, x - w * 0.12, top - w * 0.1), _mixed(_DARK, "#ffffff", 0.25))
    pen.rounded_rectangle((x - w, top, x + w, foot), w * 0.6, shade)
    pen.arc(
        (x - w * 0.8, top + w * 0.2, x + w * 0.2, foot - w * 0.3),
        150,
        250,
        _mixed(shade, "#ffffff", 0.55),
        int(w * 0.12),
    )


_SHAPES: dict[str, Shape] = {"唇妆": _lipstick, "底妆": _bottle, "眉妆": _pencil, "美甲": _polish}


def _mixed(one: str, other: str, share: float) -> str:
    """``share`` of the other colour, the rest of the one."""
    mixed = (
        round(a * (1 - share) + b * share)
        for a, b in zip(ImageColor.getrgb(one), ImageColor.getrgb(other), strict=True)
    )
    return "#" + "".join(f"{part:02x}" for part in mixed)
