"""The house with WeChat, as the members' tests have it."""

from tests.members.conftest import official, shop_app

__all__ = ["official", "shop_app"]
