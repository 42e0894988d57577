"""``yundian import shops``."""

from stores.service.imports import SHOPS
from yundian.brands import api as brands
from yundian.platform.intake.console import Import, import_command, import_group

IMPORT = import_group()


@import_command(IMPORT, "shops", choose_brand=brands.choose_brand_id)
def import_shops() -> Import:
    """Import shops. Exit code 0: all in; 3: some lines quarantined; 2: the file cannot be used."""
    return Import(kind=SHOPS)
