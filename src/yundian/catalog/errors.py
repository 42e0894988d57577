"""Refusals of the catalog room."""

from yundian.platform.core.errors import DomainError, NotFound


class ProductUnknown(NotFound):
    code = "catalog.product_unknown"
    title = "No such product"


class SkuUnknown(NotFound):
    code = "catalog.sku_unknown"
    title = "No such SKU"


class ProductCodeTaken(DomainError):
    code = "catalog.product_code_taken"
    title = "Another product has this code"


class SkuCodeTaken(DomainError):
    code = "catalog.sku_code_taken"
    title = "Another SKU has this code"


class BarcodeTaken(DomainError):
    code = "catalog.barcode_taken"
    title = "Another SKU has this barcode"


class NothingToSell(DomainError):
    """A product goes on sale with at least one active SKU."""

    code = "catalog.nothing_to_sell"
    title = "Add a SKU before putting the product on sale"


class PictureUnknown(NotFound):
    code = "catalog.picture_unknown"
    title = "No such picture"


class PictureUnreadable(DomainError):
    code = "catalog.picture_unreadable"
    status = 400
    title = "Not a JPEG, PNG or WebP picture, or a broken one"


class PictureTooLarge(DomainError):
    """``max_bytes`` or ``max_pixels`` says what it is too large by."""

    code = "catalog.picture_too_large"
    status = 413
    title = "Too large: at most 10 MB and 50 million pixels"


class PictureTooSmall(DomainError):
    code = "catalog.picture_too_small"
    status = 400
    title = "Too small: at least 300 pixels on each side"


class TooManyPictures(DomainError):
    code = "catalog.too_many_pictures"
    title = "A product has at most 12 pictures"
