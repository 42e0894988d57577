"""``yundian up``: the whole house on one machine, in one command, leaving nothing behind.

Order of life: PostgreSQL and Valkey, migrations, the demo brand, then web and worker, and in development the
sandbox. Order of death: these first and gracefully, the servers last, whatever the reason.
"""

import asyncio
import contextlib
import fcntl
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
from rich.console import Console

from yundian.app.banner import Demo, show_ready
from yundian.app.children import Child, end_leftovers
from yundian.app.config import as_environment, local_host, publish, withdraw
from yundian.app.sandbox import health_address, is_wanted, prepare, tell_pushes
from yundian.platform.core.settings import Settings
from yundian.platform.embedded.account import EmbeddedError
from yundian.platform.embedded.ports import Port, keep_first_free
from yundian.platform.embedded.postgres import EmbeddedPostgres
from yundian.platform.embedded.valkey import EmbeddedValkey

_READY_TIMEOUT_S = 90.0
_POLL_S = 0.1
_PAUSE_S = 0.4
_GRACE_S = 20.0
# Nobody was served yet, and a web server told to stop while it starts only hears it afterwards.
_GRACE_STARTING_S = 3.0
_PORTS_TRIED = 50
_GIVE_UP_AFTER = 3


class CannotStart(Exception):
    """The house does not come up; the message says why and what to do."""


class House:
    """Everything ``yundian up`` started and has to stop."""

    def __init__(self, settings: Settings, *, console: Console, show_logs: bool) -> None:
        self.settings = settings
        self.console = console
        # A plain flag: threading.Event.set() in a signal handler deadlocks with a wait() it interrupts.
        self.is_stopping = False
        self.is_ready = False
        self.postgres: EmbeddedPostgres | None = None
        self.valkey: EmbeddedValkey | None = None
        self.children: list[Child] = []
        self.ports: list[Port] = []
        self.demo: Demo | None = None
        self.has_sandbox = False
        self._show_logs = show_logs

    def start_servers(self) -> None:
        """Start the embedded servers that no setting replaces, and tell other terminals."""
        folder = self.settings.var_dir
        if not self.settings.database_url:
            self.postgres = EmbeddedPostgres(folder / "postgres")
            with self._step("PostgreSQL"):
                self.settings.database_url = self.postgres.start()
                self.settings.database_owner_url = self.postgres.owner_url
        elif not self.settings.database_owner_url:
            raise CannotStart(
                "DATABASE_URL is set but DATABASE_OWNER_URL is not: migrations need the owner's role"
            )
        if not self.settings.redis_url:
            self.valkey = EmbeddedValkey(folder / "valkey")
            with self._step("Valkey"):
                self.settings.redis_url = self.valkey.start()
        self.settings.master_key_bytes()  # made now: web and worker would both want to make it
        publish(self.settings)

    def keep_port(self, wanted: int, *, fixed_by: str = "") -> int:
        """The port that is wanted, or the next free one; this or none where somebody named it, by ``fixed_by``.

        It is ours until we stop, also while its server is only about to start, or starts again.
        """
        mine = {port.number for port in self.ports}
        tried = [wanted] if fixed_by else range(wanted, wanted + _PORTS_TRIED)
        port = keep_first_free(number for number in tried if number not in mine)
        if port is not None:
            self.ports.append(port)
            return port.number
        if fixed_by:
            raise CannotStart(f"Port {wanted} is taken. Choose another with {fixed_by}, or leave it out.")
        raise CannotStart(f"No free port between {wanted} and {wanted + _PORTS_TRIED}")

    def prepare_sandbox(self) -> None:
        """Where WeChat, Alipay and SMS are on this machine, unless the operator said where, or wants none."""
        if not is_wanted(self.settings):
            return
        settings = self.settings
        how = "YUNDIAN_SANDBOX_PORT" if "sandbox_port" in settings.model_fields_set else ""
        settings.sandbox_port = self.keep_port(settings.sandbox_port, fixed_by=how)
        prepare(settings)
        self.has_sandbox = True

    def migrate(self) -> None:
        """Bring the schema to its head."""
        # Imported late: it pulls in half the house, and the servers come up (or complain) before that.
        from yundian.app.refusals import check_database  # noqa: PLC0415
        from yundian.platform.db.migrate import upgrade  # noqa: PLC0415

        with self._step("Schema at its newest version"):
            asyncio.run(upgrade(self.settings))
            check_database(self.settings)

    def make_demo(self) -> None:
        """Make what is missing of the demo brand; never in production, since everybody knows its passwords."""
        if self.settings.is_production:
            return
        from yundian.app.demo.seed import ensure_demo  # noqa: PLC0415

        with self._step("Demo brand"):
            self.demo = asyncio.run(ensure_demo(self.settings))

    def start_children(self) -> None:
        """Start web and worker, and the sandbox beside them."""
        environment = as_environment(self.settings)
        environment["YUNDIAN_SANDBOX_PORT"] = str(self.settings.sandbox_port)
        for name, command in (("web", "serve"), ("worker", "worker"), ("sandbox", "sandbox")):
            if command == "sandbox" and not self.has_sandbox:
                continue
            log = None if self._show_logs else self.settings.var_dir / "log" / f"{name}.log"
            child = Child(
                name=name,
                command=[sys.executable, "-m", "yundian", command],
                environment=environment,
                folder=self.settings.var_dir,
                log=log,
            )
            self.children.append(child)
            child.start()

    def wait_until_ready(self) -> None:
        """Wait until the web process answers ``/readyz`` with 200, and the sandbox that it lives."""
        address = f"http://{local_host(self.settings)}:{self.settings.port}/readyz"
        waiting = [address, *([health_address(self.settings)] if self.has_sandbox else [])]
        deadline = time.monotonic() + _READY_TIMEOUT_S
        name = "Web, worker and sandbox" if self.has_sandbox else "Web and worker"
        with self._step(name), httpx.Client(timeout=5, trust_env=False) as client:
            while not self.is_stopping:
                time.sleep(_POLL_S)
                self.tend()
                waiting = [one for one in waiting if not _answers(client, one)]
                if not waiting:
                    self.is_ready = True
                    return
                for child in self.children:
                    if child.deaths >= _GIVE_UP_AFTER:
                        raise CannotStart(f"{child.name} does not start:\n{child.last_words()}")
                if time.monotonic() > deadline:
                    silent = self.children[0 if waiting[0] == address else -1]
                    raise CannotStart(f"{waiting[0]} did not answer:\n{silent.last_words()}")
            raise Stopped

    def introduce(self) -> None:
        """Tell the sandbox's WeChat where the demo brand takes its pushes."""
        if self.has_sandbox and self.demo is not None and not tell_pushes(self.settings):
            self._say("[yellow]WeChat's pushes do not arrive: the sandbox could not reach the pages")

    def supervise(self) -> None:
        """Keep everything alive until we are told to stop."""
        while not self.is_stopping:
            time.sleep(_PAUSE_S)
            self.tend()

    def ask_to_stop(self) -> None:
        """Stop at the next opportunity; safe to call from a signal handler."""
        self.is_stopping = True

    def tend(self) -> None:
        """One round: restart what died."""
        for server, name in ((self.postgres, "PostgreSQL"), (self.valkey, "Valkey")):
            if server is not None and not server.is_running():
                self._say(f"[yellow]{name} is gone; starting it again")
                with contextlib.suppress(EmbeddedError):  # tried again in the next round
                    server.start()
        for child in self.children:
            code = child.tend()
            if code is not None:
                self._say(f"[yellow]{child.name} ended with code {code}; starting it again")

    def stop(self) -> None:
        """Stop all we started: web and worker first, so that their last transactions find a database."""
        if self.children or self.postgres or self.valkey:
            self._say("Stopping …")
        for child in self.children:
            child.ask_to_stop()
        deadline = time.monotonic() + (_GRACE_S if self.is_ready else _GRACE_STARTING_S)
        for child in self.children:
            child.wait_and_end(patience_s=max(0.0, deadline - time.monotonic()))
        end_leftovers(self.settings.var_dir)
        if self.valkey is not None:
            self.valkey.stop()
        if self.postgres is not None:
            self.postgres.stop()
        for port in self.ports:
            port.close()
        withdraw(self.settings)

    def _say(self, text: str) -> None:
        """Print; a terminal that hung up must not keep us from stopping."""
        with contextlib.suppress(OSError):
            self.console.print(text)

    @contextlib.contextmanager
    def _step(self, name: str) -> Iterator[None]:
        if self.is_stopping:
            raise Stopped
        started = time.monotonic()
        with self.console.status(name):
            yield
        self.console.print(f"[green]✓[/] {name} [dim]{time.monotonic() - started:.1f} s")


class Stopped(Exception):
    """We were told to stop while still starting."""


def run(settings: Settings, *, fixed_port: bool, demo: bool, show_logs: bool) -> int:
    """Run the house until Ctrl-C, SIGTERM or SIGHUP; the exit code.

    ``fixed_port`` means that the operator named the port: then a taken one is an error, else the next free
    one is used.
    """
    console = Console(highlight=False)
    settings.var_dir.mkdir(parents=True, exist_ok=True)
    house = House(settings, console=console, show_logs=show_logs)
    _stop_on_signals(house.ask_to_stop)
    try:
        with _only_one(settings.var_dir):
            return _live(house, fixed_port=fixed_port, demo=demo)
    except CannotStart as refusal:
        console.print(str(refusal), style="red", markup=False, soft_wrap=True)
        return 1


def _live(house: House, *, fixed_port: bool, demo: bool) -> int:
    try:
        if end_leftovers(house.settings.var_dir):
            house.console.print("[yellow]Ended what a killed run had left")
        house.settings.port = house.keep_port(house.settings.port, fixed_by="--port" if fixed_port else "")
        house.prepare_sandbox()
        house.start_servers()
        house.migrate()
        # They take their time to import; the demo brand is made meanwhile.
        house.start_children()
        if demo:
            house.make_demo()
        house.wait_until_ready()
        house.introduce()
        show_ready(house.console, house.settings, demo=house.demo, has_sandbox=house.has_sandbox)
        house.supervise()
    except Stopped:
        return 0
    except EmbeddedError as error:
        raise CannotStart(str(error)) from error
    finally:
        house.stop()
    return 0


def _answers(client: httpx.Client, address: str) -> bool:
    try:
        return client.get(address).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _stop_on_signals(stop: Callable[[], None]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # nohup asked us to outlive the terminal.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: stop())


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Two supervisors of one folder would stop each other's servers."""
    descriptor = os.open(folder / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise CannotStart(f"yundian up already runs on {folder}") from error
    try:
        yield
    finally:
        os.close(descriptor)
