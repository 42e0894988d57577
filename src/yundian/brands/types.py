"""What ``brands.api`` returns."""

import uuid

import msgspec


class BrandView(msgspec.Struct, frozen=True, kw_only=True):
    id: uuid.UUID
    code: str
    name: str
