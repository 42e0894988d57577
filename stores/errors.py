"""Refusals of the stores room."""

from yundian.platform.core.errors import DomainError, NotFound


class ShopUnknown(NotFound):
    """No such shop in this brand, or not one of the caller's."""

    code = "stores.shop_unknown"
    title = "Shop not found"


class ShopCodeTaken(DomainError):
    code = "stores.shop_code_taken"
    title = "Another shop has this code"


class SkuNotInCatalog(NotFound):
    code = "stores.sku_not_in_catalog"
    title = "No such SKU in the catalogue"


class OutOfStock(DomainError):
    """``shortages`` lists each SKU with the pieces wanted and the pieces free to sell."""

    code = "stores.out_of_stock"
    title = "Not enough in stock"


class StockBelowReserved(DomainError):
    """An adjustment would leave fewer pieces than customers have reserved, or fewer than none."""

    code = "stores.stock_below_reserved"
    title = "More pieces are reserved than would be left"
