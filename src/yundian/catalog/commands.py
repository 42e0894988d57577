"""``yundian import products``."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from yundian.catalog.service.imports import PRODUCTS
from yundian.platform.intake.console import run_command

IMPORT = typer.Typer(name="import", help="Bring in lists from other systems.", no_args_is_help=True)
