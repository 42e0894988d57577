"""The tenant itself (global) and what a brand's HQ may edit about it (brand-owned)."""

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.db.base import EditableRow, english


class Brand(SQLModel, table=True):
    """A tenant and a shard. Global: made by the operator, read by everyone, written by no web request."""

    __tablename__ = "brand"
    __table_args__ = (sa.UniqueConstraint("code"),)

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    code: str = Field(sa_type=sa.String(32))
    name: str = Field(sa_type=sa.String(80))
    name_en: str = english(80)
    created_at: dt.datetime = Field(default_factory=clock.now)


class BrandPolicy(EditableRow, table=True):
    """What HQ decides for the whole brand; one row, whose id is the brand's."""

    __tablename__ = "brand_policy"
    __table_args__ = (
        sa.CheckConstraint("id = brand_id", name="one_row"),
        sa.CheckConstraint("after_sale_days BETWEEN 0 AND 29", name="after_sale_window"),
        sa.CheckConstraint("link_window_days BETWEEN 1 AND 365", name="link_window"),
        sa.CheckConstraint(
            "uncollected_days = 0 OR uncollected_days BETWEEN 7 AND 365", name="uncollected_window"
        ),
    )

    display_name: str = Field(sa_type=sa.String(80))
    display_name_en: str = english(80)
    default_locale: str = Field(default="zh_CN", sa_type=sa.String(8))
    time_zone: str = Field(default="Asia/Shanghai", sa_type=sa.String(40))
    currency: str = Field(default="CNY", sa_type=sa.CHAR(3))
    after_sale_days: int = 7
    link_window_days: int = 30
    uncollected_days: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
