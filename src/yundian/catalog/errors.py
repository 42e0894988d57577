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
