"""Which browser asks."""


def is_wechat_browser(user_agent: str) -> bool:
    """Whether it is WeChat's own: it pays and signs in by itself, and opens no page of Alipay.

    Every version names itself so; source: WeChat's documentation of its web view.
    """
    return "MicroMessenger" in user_agent
