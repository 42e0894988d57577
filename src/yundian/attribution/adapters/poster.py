"""The picture that a shop saves and posts: what is on offer, where, and the code that leads there."""

import hashlib
import io
from dataclasses import dataclass, fields
from functools import lru_cache

import pylopdf_fonts_zh_cn
import segno
from PIL import Image, ImageDraw, ImageFont, ImageOps

# With the drawing: a browser asks again for a picture that was drawn another way.
DRAWING = 2
WIDTH, HEIGHT = 750, 1180
_MARGIN = 64
_COLOUR, _DARK, _PAPER, _INK, _GREY = "#b8325f", "#86204a", "#ffffff", "#2a1b21", "#6d5d64"
_CODE = 380
_HEAD = 520
# With a picture of what is offered on top, the words stand below it.
_PICTURE, _BAND = 620, 320


@dataclass(frozen=True, slots=True, kw_only=True)
class Poster:
    """What is on it. ``url`` is in the code; ``price`` is text, or empty; ``picture`` is a file, or empty."""

    url: str
    brand: str
    shop: str
    place: str
    title: str
    price: str
    invitation: str
    picture: bytes = b""

    @property
    def digest(self) -> str:
        """Changes whenever the picture does."""
        texts = [getattr(self, field.name) for field in fields(self) if field.name != "picture"]
        text = "\x1f".join((str(DRAWING), *texts))
        return hashlib.sha256(text.encode() + b"\x1f" + self.picture).hexdigest()[:32]


@lru_cache(maxsize=64)
def draw(poster: Poster) -> bytes:
    """The PNG. Takes some tenths of a second: call it in a thread."""
    head = _PICTURE + _BAND if poster.picture else _HEAD
    image = Image.new("RGB", (WIDTH, head + HEIGHT - _HEAD), _PAPER)
    pen = ImageDraw.Draw(image)
    if poster.picture:
        _pictured(image, pen, poster)
    else:
        _worded(image, pen, poster)
    _card(image, pen, poster, below=head)
    return _png(image)


def _worded(image: Image.Image, pen: ImageDraw.ImageDraw, poster: Poster) -> None:
    image.paste(_ground(_HEAD))
    _text(pen, (_MARGIN, 56), poster.brand, size=30, colour=_PAPER)
    top = 128
    for row in _rows(poster.title, size=56, width=WIDTH - 2 * _MARGIN, most=3):
        _text(pen, (_MARGIN, top), row, size=56, colour=_PAPER, weight=1)
        top += 80
    if poster.price:
        _text(pen, (_MARGIN, _HEAD - 124), poster.price, size=72, colour=_PAPER, weight=2)


def _pictured(image: Image.Image, pen: ImageDraw.ImageDraw, poster: Poster) -> None:
    with Image.open(io.BytesIO(poster.picture)) as picture:
        image.paste(ImageOps.fit(picture.convert("RGB"), (WIDTH, _PICTURE)))
    image.paste(_ground(_BAND), (0, _PICTURE))
    top = _PICTURE + 28
    _text(pen, (_MARGIN, top), poster.brand, size=26, colour=_PAPER)
    top += 48
    for row in _rows(poster.title, size=44, width=WIDTH - 2 * _MARGIN, most=2):
        _text(pen, (_MARGIN, top), row, size=44, colour=_PAPER, weight=1)
        top += 62
    if poster.price:
        _text(pen, (_MARGIN, _PICTURE + _BAND - 108), poster.price, size=58, colour=_PAPER, weight=2)


def _ground(height: int) -> Image.Image:
    shade = Image.linear_gradient("L").resize((WIDTH, height))
    return Image.composite(Image.new("RGB", shade.size, _DARK), Image.new("RGB", shade.size, _COLOUR), shade)


def _card(image: Image.Image, pen: ImageDraw.ImageDraw, poster: Poster, *, below: int) -> None:
    left, top = (WIDTH - _CODE) // 2, below + 48
    image.paste(_code(poster.url), (left, top))
    _text(pen, (WIDTH // 2, top + _CODE + 20), poster.invitation, size=28, colour=_GREY, anchor="ma")
    for shop in _rows(poster.shop, size=38, width=WIDTH - 2 * _MARGIN, most=1):
        _text(pen, (WIDTH // 2, top + _CODE + 80), shop, size=38, colour=_INK, anchor="ma", weight=1)
    for place in _rows(poster.place, size=26, width=WIDTH - 2 * _MARGIN, most=1):
        _text(pen, (WIDTH // 2, top + _CODE + 140), place, size=26, colour=_GREY, anchor="ma")


def _code(url: str) -> Image.Image:
    """Whole pixels for each module, so that it stays sharp; white around it."""
    code = segno.make_qr(url, error="m")
    file = io.BytesIO()
    code.save(file, kind="png", scale=max(1, _CODE // code.symbol_size(border=2)[0]), border=2)
    small = Image.open(file).convert("RGB")
    framed = Image.new("RGB", (_CODE, _CODE), _PAPER)
    framed.paste(small, ((_CODE - small.width) // 2, (_CODE - small.height) // 2))
    return framed


def _rows(text: str, *, size: int, width: int, most: int) -> list[str]:
    """Chinese breaks anywhere, other scripts at spaces; what does not fit ends in dots."""
    rows, rest = list[str](), " ".join(text.split())
    while rest and len(rows) < most:
        row = _fitting(rest, size=size, width=width)
        rest = rest[len(row) :].lstrip()
        rows.append(row.rstrip())
    if rest:
        rows[-1] = (
            _fitting(rows[-1], size=size, width=width - int(_font(size).getlength("…")), may_break=True) + "…"
        )
    return rows


def _fitting(text: str, *, size: int, width: int, may_break: bool = False) -> str:
    count = len(text)
    while count > 1 and _font(size).getlength(text[:count]) > width:
        count -= 1
    if count == len(text) or may_break:
        return text[:count]
    is_word = text[count - 1].isascii() and text[count].isascii() and text[count].isalnum()
    space = text.rfind(" ", 0, count)
    return text[: space + 1] if is_word and space > 0 else text[:count]


def _text(
    pen: ImageDraw.ImageDraw,
    at: tuple[int, int],
    text: str,
    *,
    size: int,
    colour: str,
    anchor: str = "la",
    weight: int = 0,
) -> None:
    pen.text(at, text, font=_font(size), fill=colour, anchor=anchor, stroke_width=weight, stroke_fill=colour)


@lru_cache(maxsize=8)
def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(str(pylopdf_fonts_zh_cn.sans_path()), size)


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
