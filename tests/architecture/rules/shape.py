"""Rules about files: their names, their length, and what no file may hold."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.rules.tree import Definition, Hit, SourceFile, dotted

MAX_LINES = 400

ROOM_FILES = {
    "__init__.py", "README.md", "room.py", "api.py", "types.py", "events.py", "errors.py", "states.py", "rules.py",
    "models.py", "repository.py", "service.py", "ports.py", "schemas.py", "routes.py", "pages.py", "commands.py",
    "tasks.py", "handlers.py",
}  # fmt: skip
ROOM_FOLDERS = {"adapters", "templates", "mappings"}

_UNFINISHED = re.compile(r"\b(TODO|FIXME|HACK)\b")
_STYLES = "medium|full|brief|week|iso"
_OWN_DATES = re.compile(
    r"strftime|\|\s*(date|datetime)\((?=[^()]*[\"'])(?![^()]*[\"'](" + _STYLES + r")[\"'])"
    r"|\|\s*date(\([^()]*\))?\s*(\}\}\s*\{\{|~ *\" \" *~)[^}]*\|\s*time\b"
)
_HOST = re.compile(r"https?://|^\s*(--?(extra-)?index-url|-i|--find-links|--trusted-host)\b")
# npm also notes where to send money, which is no registry.
_NPM_HOST = re.compile(r'"resolved"\s*:')
_LOCKS = re.compile(
    r"requirements.*\.(txt|in)|(package-lock|npm-shrinkwrap)\.json|uv\.lock|\.npmrc|pip\.conf|uv\.toml"
)
# Split, so that this file does not hold what it looks for.
_MACHINE = re.compile(
    "|".join(re.escape(f"/{name}/") for name in ("work", "root", "tmp/team", "home")) + r"(?=[\w.])"
)
_SHARED_PATHS = re.compile(r"(^|[\s'\"`(=])(" + _MACHINE.pattern + ")")


def a_room_uses_the_fixed_file_names(file: SourceFile) -> Iterator[Hit]:
    """Who knows one room finds her way in every other. A long file becomes a folder of the same name."""
    if file.room is None:
        return
    first, *rest = file.path.relative_to(file.room).parts
    allowed = ROOM_FOLDERS | {name.removesuffix(".py") for name in ROOM_FILES} if rest else ROOM_FILES
    if first not in allowed:
        yield 1, f"{first} is none of a room's file names"


def files_stay_short(file: SourceFile) -> Iterator[Hit]:
    lines = file.text.count("\n") + 1
    if (file.is_python or file.path.suffix == ".html") and lines > MAX_LINES:
        yield MAX_LINES, f"{lines} lines: split it at {MAX_LINES}"


def packages_export_nothing(file: SourceFile) -> Iterator[Hit]:
    """One import path per thing."""
    if file.path.name == "__init__.py" and file.text.strip():
        yield 1, "an __init__.py is empty"


def alembic_is_not_a_package(file: SourceFile) -> Iterator[Hit]:
    """With an __init__.py our folder hides the library of the same name (ADR 0003)."""
    if file.path.parts[0] == "alembic" and file.path.name == "__init__.py":
        yield 1, "an __init__.py here hides the alembic library"


def annotations_are_real(file: SourceFile) -> Iterator[Hit]:
    """SQLModel, Litestar and msgspec read annotations at run time."""
    if not file.is_code:
        return
    if file.is_file_of("models", "routes", "pages", "schemas", "types", "events", "handlers", "tasks"):
        for imported in file.nodes(ast.ImportFrom):
            if imported.module == "__future__":
                yield imported.lineno, "annotations are read at run time here: no __future__ import"
    for node in file.nodes(ast.Name, ast.Attribute):
        if dotted(node).endswith("TYPE_CHECKING"):
            yield node.lineno, "no TYPE_CHECKING imports: annotations are read at run time"


def nothing_is_unfinished(file: SourceFile) -> Iterator[Hit]:
    if not file.is_python or file.is_under("tests/architecture"):
        return
    for number, line in enumerate(file.text.splitlines(), start=1):
        if _UNFINISHED.search(line):
            yield number, "finish it or file it; notes to self are not shipped"
    for node in file.nodes(ast.Raise):
        if node.exc is not None:
            name = dotted(node.exc.func if isinstance(node.exc, ast.Call) else node.exc)
            if name == "NotImplementedError":
                yield node.lineno, "no stubs"


def skips_say_why(file: SourceFile) -> Iterator[Hit]:
    if not file.is_test:
        return
    for call, name in file.calls():
        if name == "pytest.skip" and not (call.args or call.keywords):
            yield call.lineno, "a skip says why"
        if name == "pytest.mark.skip" and not (call.args or call.keywords):
            yield call.lineno, "a skip says why"
    definitions: Iterator[Definition] = file.nodes(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for node in definitions:
        for decorator in node.decorator_list:
            if dotted(decorator) in ("pytest.mark.skip", "pytest.mark.xfail"):
                yield decorator.lineno, "a skip says why"


def tests_wait_for_a_condition(file: SourceFile) -> Iterator[Hit]:
    """A sleep is too short on a slow machine and too long on a fast one; a stand-in may be slow."""
    if not file.is_test or not (file.path.stem.startswith("test_") or file.path.stem == "conftest"):
        return
    for call, name in file.calls():
        zero = len(call.args) == 1 and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0
        if name in ("asyncio.sleep", "anyio.sleep", "time.sleep") and not zero:
            yield call.lineno, "wait for a condition with tests.helpers.wait_until, never for a time"


def time_comes_from_the_clock(file: SourceFile) -> Iterator[Hit]:
    """One source of time, aware and in UTC; monotonic clocks measure durations."""
    if not file.is_code or file.is_under("src/yundian/platform/core/clock.py", "src/yundian/platform/embedded"):
        return
    for call, name in file.calls():
        if re.search(r"(^|\.)(datetime\.now|datetime\.utcnow|datetime\.today|date\.today)$|^time\.time$", name):
            yield call.lineno, f"{name}(): use yundian.platform.core.clock.now()"


def screens_go_by_the_houses_clock(file: SourceFile) -> Iterator[Hit]:
    """A machine whose clock is wrong offers no yesterday and hides nothing of today."""
    if file.room is None or not file.is_file_of("pages"):
        return
    for call, name in file.calls():
        if name == "clock.now":
            yield call.lineno, "what people see goes by the database's clock: clock.house()"


def screens_write_times_in_one_way(file: SourceFile) -> Iterator[Hit]:
    """A language has one way to write a day and a time, wherever they stand: ``platform/web/formats.py``."""
    if file.path.suffix == ".html" and not file.is_under("src/yundian/sandbox"):
        for number, line in enumerate(file.text.splitlines(), start=1):
            if _OWN_DATES.search(line):
                yield number, "a day and its time are one filter: |date, |time, |datetime, in a style they know"
    elif file.is_code and file.room is not None and file.is_file_of("pages"):
        for call, name in file.calls():
            if name.startswith(("dates.format", "babel.")) or name.split(".")[-1] in (
                "format_date",
                "format_datetime",
            ):
                yield call.lineno, "days and times are written by yundian.platform.web.formats"


def nothing_is_unpickled(file: SourceFile) -> Iterator[Hit]:
    """Whoever may write to the queue would run code in the worker."""
    if not file.is_python:
        return
    for line, module in file.imported_modules():
        if module.split(".")[0] in ("pickle", "cPickle", "dill", "cloudpickle", "shelve", "marshal"):
            yield line, f"{module} runs code when it reads"


def locks_name_no_host(file: SourceFile) -> Iterator[Hit]:
    """Exact, hashed versions from whatever registry the machine uses."""
    if not _LOCKS.fullmatch(file.path.name) and not file.is_under("requirements"):
        return
    host = _NPM_HOST if file.path.suffix == ".json" else _HOST
    for number, line in enumerate(file.text.splitlines(), start=1):
        if host.search(line):
            yield number, "a lock names no registry"


def nothing_names_this_machine(file: SourceFile) -> Iterator[Hit]:
    if file.is_under("tests/architecture", "alembic.ini"):
        return
    for number, line in enumerate(file.text.splitlines(), start=1):
        if _SHARED_PATHS.search(line):
            yield number, "a path of one machine"
