"""Settings of the sandbox, from ``YUNDIAN_SANDBOX_*`` or given by whoever starts it."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class SandboxConfig(BaseSettings):
    """Durations are in seconds of the protocol; ``time_scale`` says how many of them pass in a real second."""

    model_config = SettingsConfigDict(env_prefix="YUNDIAN_SANDBOX_", extra="ignore")

    var_dir: Path = Field(default=Path("var"), description="The sandbox keeps everything in its folder `sandbox`")
    base_url: str = Field(
        default="http://127.0.0.1:8900", description="How browsers and clients reach the sandbox"
    )
    seed: str = Field(default="yundian", description="Numbers, ids and test users are derived from it")
    time_scale: float = Field(default=1.0, gt=0, description="Speeds up notice schedules and refund settlement")
    refund_settles_after_s: float = 3.0
    timestamp_window_s: float = Field(
        default=3 * 3600, description="Alipay requests further off are refused: catches a clock in the wrong zone"
    )
    bills_same_day: bool = Field(
        default=True, description="The real bills come the next morning, from about ten; tests cannot wait"
    )
    notice_timeout_s: float = 5.0
    notices_at_once: int = 32

    official_accounts: tuple[str, ...] = ("shop",)
    mini_programs: tuple[str, ...] = ("shop",)
    wechat_merchants: tuple[str, ...] = ("shop",)
    alipay_apps: tuple[str, ...] = ("shop",)

    @property
    def folder(self) -> Path:
        return self.var_dir / "sandbox"

    @property
    def keys_folder(self) -> Path:
        return self.folder / "keys"

    def url(self, path: str) -> str:
        """An absolute address of the sandbox; ``path`` starts with a slash."""
        return self.base_url.rstrip("/") + path
