"""``yundian import products``."""

from yundian.brands import api as brands
from yundian.catalog.service.imports import PRODUCTS
from yundian.platform.intake.console import Import, import_command, import_group

IMPORT = import_group()


@import_command(IMPORT, "products", choose_brand=brands.choose_brand_id)
def import_products() -> Import:
    """Import products and SKUs. Exit code 0: all in; 3: some lines quarantined; 2: the file cannot be used."""
    return Import(kind=PRODUCTS)
