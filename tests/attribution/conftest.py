"""The house with WeChat, as the members' tests have it."""

from tests.members.conftest import gateway, official, outside, sandbox, shop_app

__all__ = ["gateway", "official", "outside", "sandbox", "shop_app"]
