"""The lives of a product and of a SKU."""

from enum import StrEnum

from yundian.platform.core.states import Lifecycle


class ProductStatus(StrEnum):
    DRAFT = "draft"
    ON_SALE = "on_sale"
    WITHDRAWN = "withdrawn"


PRODUCT = Lifecycle(
    {
        ProductStatus.DRAFT: frozenset({ProductStatus.ON_SALE, ProductStatus.WITHDRAWN}),
        ProductStatus.ON_SALE: frozenset({ProductStatus.WITHDRAWN}),
        # Seasonal lines come back.
        ProductStatus.WITHDRAWN: frozenset({ProductStatus.ON_SALE}),
    }
)


class SkuStatus(StrEnum):
    ACTIVE = "active"
    WITHDRAWN = "withdrawn"


SKU = Lifecycle(
    {
        SkuStatus.ACTIVE: frozenset({SkuStatus.WITHDRAWN}),
        SkuStatus.WITHDRAWN: frozenset({SkuStatus.ACTIVE}),
    }
)
