"""Settings from the environment. ``DATABASE_URL``, ``DATABASE_OWNER_URL`` and ``REDIS_URL`` are plain names;
everything else is prefixed ``YUNDIAN_``. While the embedded servers run, ``var/embedded.env`` names them."""

import base64
import contextlib
import os
import secrets
import tempfile
from enum import StrEnum
from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Environment(StrEnum):
    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


def _plain(name: str) -> AliasChoices:
    return AliasChoices(name, f"yundian_{name}")


class Settings(BaseSettings):
    """Every setting of every process; durations carry their unit in the name."""

    model_config = SettingsConfigDict(
        env_prefix="YUNDIAN_",
        env_file=Path(os.environ.get("YUNDIAN_VAR_DIR", "var")) / "embedded.env",
        extra="ignore",
        populate_by_name=True,
    )

    environment: Environment = Environment.DEVELOPMENT
    var_dir: Path = Path("var")

    database_url: str = Field(default="", validation_alias=_plain("database_url"))
    database_owner_url: str = Field(default="", validation_alias=_plain("database_owner_url"))
    redis_url: str = Field(default="", validation_alias=_plain("redis_url"))
    master_key: SecretStr | None = Field(
        default=None, description="base64 of 32 bytes; made into var/ outside production"
    )

    host: str = "127.0.0.1"
    port: int = 8000
    public_url: str = ""
    web_workers: int = 1
    trusted_proxies: tuple[str, ...] = ()

    rate_by_principal: str = Field(default="1200/minute", description="requests of one signed-in caller")
    rate_by_address: str = Field(default="600/minute", description="requests of one address nobody signed in from")

    pool_size: int = 8
    session_pool_size: int = 8
    pool_wait_s: float = 5.0
    statement_timeout_ms: int = 10_000
    lock_timeout_ms: int = 3_000
    idle_in_transaction_timeout_ms: int = 15_000

    log_json: bool = False
    log_level: str = "info"
    otlp_endpoint: str = Field(default="", description="OTLP/HTTP base URL; traces are off when empty")
    metrics_token: SecretStr | None = Field(
        default=None, description="bearer token for /metrics; open on loopback when unset"
    )

    metrics_port: int = Field(
        default=0,
        description="a worker answers /metrics here, for a machine without web processes; 0: none",
    )

    wechat_url: str = Field(default="", description="stands for every host of WeChat (the sandbox); empty: WeChat")
    sms_url: str = Field(default="", description="takes messages as the sandbox does; no SMS is sent when empty")
    sms_key: SecretStr | None = Field(default=None, description="bearer key of sms_url")
    sms_aliyun_key_id: str = Field(
        default="", description="AccessKey ID: messages go through Alibaba Cloud, at sms_url if that is set"
    )
    sms_aliyun_key_secret: SecretStr | None = Field(default=None, description="AccessKey secret")
    sms_callback_key: SecretStr | None = Field(
        default=None, description="`?key=` of /sms/reports and /sms/replies as told to the provider; else sms_key"
    )
    sms_sign: str = Field(default="", description="approved signature of messages; empty: the brand's name")
    sms_code_template: str = Field(default="", description="approved template for codes: `code`, `minutes`")
    sandbox: bool = Field(
        default=True, description="`yundian up` starts the sandbox, in development and without a wechat_url"
    )
    sandbox_port: int = Field(default=8900, description="the next free one, if it was not asked for")

    payments_notice_days: int = Field(
        default=180, ge=1, description="so long the texts of payment notices are kept, encrypted; their facts stay"
    )

    courier_batch: int = 500
    courier_lease_s: float = 20.0
    courier_sweep_s: float = 2.0
    courier_max_attempts: int = 8
    worker_max_jobs: int = 8

    @property
    def is_production(self) -> bool:
        return self.environment is Environment.PRODUCTION

    @property
    def base_url(self) -> str:
        return self.public_url or f"http://{self.host}:{self.port}"

    def master_key_bytes(self) -> bytes:
        """The master key; outside production one is made in ``var/`` (mode 0600) on first use."""
        if self.master_key is not None:
            return base64.b64decode(self.master_key.get_secret_value(), validate=True)
        if self.is_production:
            raise RuntimeError("YUNDIAN_MASTER_KEY must be set in production")
        return _make_once(self.var_dir / "keys" / "master")


def _make_once(path: Path) -> bytes:
    """The key in the file. Processes that start together agree on one: the file appears with its contents."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=path.parent) as draft:
            draft.write(secrets.token_bytes(32))
            draft.flush()
            with contextlib.suppress(FileExistsError):
                os.link(draft.name, path)
    return path.read_bytes()
