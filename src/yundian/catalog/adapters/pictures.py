"""Turns a file that somebody uploaded into the pictures that are shown; nothing of the file itself is kept."""

import hashlib
import io

from PIL import Image, ImageCms, ImageOps

from yundian.catalog.errors import PictureTooLarge, PictureTooSmall, PictureUnreadable
from yundian.catalog.rules import MAX_PICTURE_BYTES
from yundian.catalog.types import DrawnPicture

MAX_PIXELS = 50_000_000
# WeChat's card of a shared page wants 300 pixels.
MIN_SIDE = 300
_FORMATS = ("JPEG", "PNG", "WEBP")
_LARGE, _SMALL, _CARD = 1280, 320, 500
_QUALITY = 82


def draw(data: bytes) -> DrawnPicture:
    """The picture in its three sizes: upright, in sRGB, on white, without anything that told of camera or place.

    Takes some tenths of a second: call it in a thread.

    Raises:
        PictureUnreadable: no JPEG, PNG or WebP, or a broken one.
        PictureTooLarge: more than ``MAX_PICTURE_BYTES`` or ``MAX_PIXELS``; it is not decoded.
        PictureTooSmall: a side has fewer than ``MIN_SIDE`` pixels.
    """
    if len(data) > MAX_PICTURE_BYTES:
        raise PictureTooLarge(max_bytes=MAX_PICTURE_BYTES)
    image = _decoded(data)
    if min(image.size) < MIN_SIDE:
        raise PictureTooSmall(min_side=MIN_SIDE)
    large = ImageOps.contain(image, (_LARGE, _LARGE)) if max(image.size) > _LARGE else image
    small = ImageOps.contain(large, (_SMALL, _SMALL))
    file = _encoded(large, "WEBP")
    return DrawnPicture(
        digest=hashlib.sha256(file).hexdigest(),
        width=large.width,
        height=large.height,
        small_width=small.width,
        small_height=small.height,
        large=file,
        small=_encoded(small, "WEBP"),
        # WeChat shows JPEG everywhere, WebP not.
        card=_encoded(ImageOps.fit(large, (_CARD, _CARD)), "JPEG"),
    )


def _decoded(data: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise PictureTooLarge(max_pixels=MAX_PIXELS)
            # A JPEG is decoded no larger than it is needed.
            image.draft(None, (2 * _LARGE, 2 * _LARGE))
            image.load()
            return _plain(ImageOps.exif_transpose(image))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureTooLarge(max_pixels=MAX_PIXELS) from None
    except PictureTooLarge:
        raise
    except Exception:  # the decoders of broken files raise whatever they stumble over
        raise PictureUnreadable from None


def _plain(image: Image.Image) -> Image.Image:
    """In sRGB, on white: a shade looks as it was photographed, by day and by night."""
    profile = image.info.get("icc_profile")
    if image.has_transparency_data:
        above = image.convert("RGBA")
        image = Image.new("RGB", above.size, "#ffffff")
        image.paste(above, mask=above.getchannel("A"))
    if profile and image.mode in ("RGB", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
            image = converted or image
        except (ImageCms.PyCMSError, OSError, ValueError):
            # A profile that says nothing: the colours are taken as they stand.
            pass
    return image.convert("RGB")


def _encoded(image: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    # Only the pixels: the original's notes (place, camera, profile) live in ``info`` and stay behind.
    clean = Image.new("RGB", image.size)
    clean.paste(image)
    clean.save(file, kind, quality=_QUALITY, **({"method": 4} if kind == "WEBP" else {"optimize": True}))
    return file.getvalue()
