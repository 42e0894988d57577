"""The command line. Heavy imports happen inside the commands, so that ``--help`` and ``up`` are quick."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from yundian.app.config import SUPERVISED, load_settings, own_settings, share_figures
from yundian.platform.core import garbage

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Yundian 云店: stores, group buying and one member profile.",
)

_OWN_COMMANDS = frozenset({"up", "serve", "worker", "sandbox", "migrate", "doctor", "openapi"})


@app.command()
def up(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; the next free one when the default is taken.")] = None,
    demo: Annotated[bool, typer.Option(help="Make the demo brand.")] = True,
    logs: Annotated[bool, typer.Option(help="Show the logs here instead of in var/log.")] = False,
) -> None:
    """Start everything on this machine: servers, schema, demo brand, web and worker."""
    from yundian.app import up as supervisor  # noqa: PLC0415

    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = own_settings(**given)
    fixed = "port" in settings.model_fields_set
    raise typer.Exit(supervisor.run(settings, fixed_port=fixed, demo=demo, show_logs=logs))


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    workers: Annotated[int | None, typer.Option(help="Web processes.")] = None,
) -> None:
    """Run the web server alone, against the servers named by the settings."""
    from yundian.app import serve as server  # noqa: PLC0415

    given = {"host": host, "port": port, "web_workers": workers}
    settings = load_settings(**{name: value for name, value in given.items() if value is not None})
    if SUPERVISED not in os.environ:
        # ``up`` has just looked, and half a second of imports would come before the first page.
        from yundian.app.refusals import check_addresses, check_database  # noqa: PLC0415

        check_addresses(settings)
        check_database(settings)
    server.run(settings)


@app.command()
def worker() -> None:
    """Run one worker: events, timers and jobs."""
    share_figures()
    with garbage.loading():
        from yundian.app.refusals import check_addresses  # noqa: PLC0415

        # Before the whole house is loaded.
        settings = load_settings()
        check_addresses(settings)
        from yundian.app.worker import run  # noqa: PLC0415

    run(settings)


@app.command()
def sandbox(
    host: Annotated[str, typer.Option(help="Address to listen on; this machine's own only.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
) -> None:
    """Run the sandbox alone: WeChat, Alipay and an SMS provider on this machine, for development."""
    from yundian.sandbox import server  # noqa: PLC0415

    settings = own_settings()
    if settings.is_production:
        raise typer.BadParameter("The sandbox lets anybody pay and sign in as anybody: not in production.")
    server.run(host, port or settings.sandbox_port, settings.var_dir)


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema, as the owner's role."""
    from yundian.platform.db.migrate import upgrade  # noqa: PLC0415

    asyncio.run(upgrade(load_settings()))
    typer.echo("The schema is at its newest version.")


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Check this installation and explain what is wrong; the exit code is 1 if anything failed."""
    from yundian.app import doctor as checks  # noqa: PLC0415

    raise typer.Exit(checks.run(load_settings(), as_json=as_json))


@app.command()
def openapi(
    output: Annotated[Path | None, typer.Option(help="File to write; standard output when left out.")] = None,
) -> None:
    """Write the OpenAPI schema."""
    from yundian.app.openapi import schema_text  # noqa: PLC0415

    text = schema_text()
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.write_text(text)


def mount_room_commands() -> None:
    """Add the demo's and every room's commands; groups of the same name from several rooms become one."""
    from yundian.app.demo.commands import DEMO  # noqa: PLC0415
    from yundian.app.rooms import rooms  # noqa: PLC0415

    groups: dict[str, typer.Typer] = {}
    for all_commands in ((DEMO,), *(room.commands for room in rooms())):
        for commands in all_commands:
            name = commands.info.name
            if isinstance(name, str) and name in groups:
                groups[name].registered_commands.extend(commands.registered_commands)
                continue
            if isinstance(name, str):
                groups[name] = commands
            app.add_typer(commands)


def main() -> None:
    """Entry point of ``yundian``."""
    # The rooms' commands pull in the whole house; the house's own commands need not wait for that.
    if not (len(sys.argv) > 1 and sys.argv[1] in _OWN_COMMANDS):
        with garbage.loading():
            mount_room_commands()
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    try:
        app()
    except Exception as error:
        from yundian.app.refusals import explained  # noqa: PLC0415

        line = explained(error)
        if line is None:
            raise
        typer.echo(line, err=True)
        sys.exit(1)
