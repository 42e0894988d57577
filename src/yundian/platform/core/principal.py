"""Who is calling: a small frozen value that guards look at and queries filter by."""

import uuid
from dataclasses import dataclass, field
from enum import StrEnum

from yundian.platform.core.errors import NotAuthenticated


class Role(StrEnum):
    """What a staff account may be granted. HQ roles cover the brand, shop roles one shop each."""

    HQ_ADMIN = "hq_admin"
    HQ_ANALYST = "hq_analyst"
    SHOP_OWNER = "shop_owner"
    SHOP_STAFF = "shop_staff"

    @property
    def is_hq(self) -> bool:
        return self in (Role.HQ_ADMIN, Role.HQ_ANALYST)


# Whoever works in a shop, for guards, for what she sees, and for the places of her screens.
SHOP_ROLES = frozenset({Role.SHOP_OWNER, Role.SHOP_STAFF})


class PrincipalKind(StrEnum):
    ANONYMOUS = "anonymous"
    STAFF = "staff"
    CUSTOMER = "customer"
    API_KEY = "api_key"


@dataclass(frozen=True, slots=True)
class Grant:
    """A role, and the shop it holds for (``None`` for HQ roles)."""

    role: Role
    shop_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of one request. Anonymous callers have neither brand nor id.

    Staff have ``grants``, API keys have ``scopes``. With ``must_change_password`` only choosing one is allowed.
    Customers have the ``brand_code`` that their pages' addresses begin with; their ``id`` is the member's.
    """

    kind: PrincipalKind = PrincipalKind.ANONYMOUS
    brand_id: uuid.UUID | None = None
    id: uuid.UUID | None = None
    name: str = ""
    grants: frozenset[Grant] = field(default_factory=frozenset)
    session_id: uuid.UUID | None = None
    scopes: frozenset[str] = field(default_factory=frozenset)
    must_change_password: bool = False
    brand_code: str = ""

    @property
    def is_authenticated(self) -> bool:
        return self.kind is not PrincipalKind.ANONYMOUS

    @property
    def roles(self) -> frozenset[Role]:
        return frozenset(grant.role for grant in self.grants)

    @property
    def brand(self) -> uuid.UUID:
        """The brand of an authenticated caller."""
        if self.brand_id is None:
            raise RuntimeError("no brand: the route lacks a guard")
        return self.brand_id

    @property
    def own_id(self) -> uuid.UUID:
        """The account or member who calls. Raises ``NotAuthenticated``."""
        if self.id is None:
            raise NotAuthenticated
        return self.id

    @property
    def own_shops(self) -> frozenset[uuid.UUID]:
        """The shops this caller works in, as owner or as staff; HQ works in none."""
        return self.shops(*SHOP_ROLES) or frozenset()

    def is_customer_of(self, brand_code: str) -> bool:
        """Whether she is signed in at this brand's pages: a customer of another brand is not."""
        return self.kind is PrincipalKind.CUSTOMER and self.brand_code == brand_code

    def shops(self, *roles: Role) -> frozenset[uuid.UUID] | None:
        """The shops this caller may see under the given roles: ``None`` means every shop of the brand.

        Without roles, any grant counts. Pass the result to the query; an empty set sees nothing.
        """
        wanted = [g for g in self.grants if not roles or g.role in roles]
        if any(g.role.is_hq for g in wanted):
            return None
        return frozenset(g.shop_id for g in wanted if g.shop_id is not None)


ANONYMOUS = Principal()
