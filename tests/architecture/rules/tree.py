"""What a rule looks at, and what it reports."""

import ast
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parents[3]

ROOMS = (
    "src/yundian/brands",
    "src/yundian/catalog",
    "src/yundian/payments",
    "stores",
    "groupbuy",
    "wishlist",
    "appointments",
)
_CODE = ("src/", "stores/", "groupbuy/", "wishlist/", "appointments/")

Hit = tuple[int, str]


@dataclass(frozen=True)
class SourceFile:
    """One file of the repository; ``path`` is relative to its root."""

    path: PurePosixPath
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text) if self.is_python else ast.Module(body=[], type_ignores=[])

    @property
    def is_python(self) -> bool:
        return self.path.suffix == ".py"

    @property
    def is_code(self) -> bool:
        """Shipped Python: not tests, migrations or benchmarks."""
        return self.is_python and str(self.path).startswith(_CODE)

    @property
    def is_test(self) -> bool:
        return self.is_python and self.path.parts[0] == "tests"

    @property
    def is_migration(self) -> bool:
        return self.is_python and self.path.parts[:2] == ("alembic", "versions")

    @property
    def room(self) -> PurePosixPath | None:
        """The folder of the room the file belongs to."""
        return next((room for room in map(PurePosixPath, ROOMS) if room in self.path.parents), None)

    def is_under(self, *prefixes: str) -> bool:
        return any(str(self.path) == prefix or str(self.path).startswith(f"{prefix}/") for prefix in prefixes)

    def is_file_of(self, *stems: str) -> bool:
        """Whether it is ``service.py``, or inside a folder ``service/`` that such a file grew into."""
        return self.path.stem in stems or self.path.parent.name in stems


Rule = Callable[[SourceFile], Iterator[Hit]]


@dataclass(frozen=True)
class Finding:
    rule: str
    path: PurePosixPath
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


@cache
def repository_files() -> tuple[SourceFile, ...]:
    """Every text file that is or would be committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True, text=True,
    )  # fmt: skip
    paths = [PurePosixPath(name) for name in listed.stdout.split("\0") if name]
    texts = ((path, _text(ROOT / path)) for path in paths)
    return tuple(SourceFile(path, text) for path, text in texts if text is not None)


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
        return None


def calls(tree: ast.Module) -> Iterator[tuple[ast.Call, str]]:
    """Every call with the dotted name of what is called, as far as it is a name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node, dotted(node.func)


def dotted(node: ast.expr) -> str:
    """``a.b.c`` of a name or attribute; a part that is neither is ``?``."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return "?"


def imported_modules(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.lineno, node.module


def docstrings(tree: ast.Module) -> set[int]:
    """The ids of the constants that are docstrings."""
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                found.add(id(first.value))
    return found
