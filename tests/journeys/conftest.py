"""The browsers and servers of the browser tests."""

from tests.browser.conftest import browser, desktop, sandbox, shop_settings, shop_site, worker

__all__ = ["browser", "desktop", "sandbox", "shop_settings", "shop_site", "worker"]
