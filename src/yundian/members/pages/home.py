"""A brand's home for its customers: who she is here, and what every room has for her."""

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template

from yundian.brands import api as brands
from yundian.members import api
from yundian.members.pages.shared import sign_in_page
from yundian.platform.auth.guards import FOR_CUSTOMERS, anyone
from yundian.platform.core.principal import Principal
from yundian.platform.db.services import Services
from yundian.platform.web.pages import page


class HomePages(Controller):
    path = "/m/{brand_code:str}"
    include_in_schema = False
    opt = FOR_CUSTOMERS

    @get(name="members.home", guards=[anyone])
    async def show(
        self,
        brand_code: FromPath[str],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Template:
        """Group-buys, appointments, orders; what is hers once she is signed in."""
        brand = await brands.brand_in_address(services.database, brand_code)
        member = None
        if principal.is_customer_of(brand_code):
            async with services.database.connection(principal.brand) as tx:
                member = await api.member_view(tx, keyring=services.keyring, member_id=principal.own_id)
        return page(
            "members/home.html",
            brand=brand,
            member=member,
            sign_in=sign_in_page(brand_code, next=f"/m/{brand_code}"),
        )
