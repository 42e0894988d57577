"""What a rule looks at, and what it reports."""

import ast
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path, PurePosixPath
from typing import TypeVar

ROOT = Path(__file__).parents[3]

ROOMS = (
    "src/yundian/brands",
    "src/yundian/catalog",
    "src/yundian/payments",
    "src/yundian/members",
    "src/yundian/attribution",
    "src/yundian/messaging",
    "src/yundian/orders",
    "src/yundian/reports",
    "src/yundian/channels",
    "stores",
    "groupbuy",
    "wishlist",
    "appointments",
)
_CODE = ("src/", "stores/", "groupbuy/", "wishlist/", "appointments/")

Hit = tuple[int, str]
Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


_Node = TypeVar("_Node", bound=ast.AST)


@dataclass(frozen=True)
class _Parsed:
    tree: ast.Module
    by_kind: dict[type[ast.AST], list[ast.AST]]


@lru_cache(maxsize=1)
def _parsed(text: str) -> _Parsed:
    """One file is asked about by every rule in turn; only that one is kept, since all the trees are a lot."""
    tree, by_kind = ast.parse(text), dict[type[ast.AST], list[ast.AST]]()
    for node in ast.walk(tree):
        by_kind.setdefault(type(node), []).append(node)
    return _Parsed(tree, by_kind)


@dataclass(frozen=True)
class SourceFile:
    """One file of the repository; ``path`` is relative to its root."""

    path: PurePosixPath
    text: str

    @property
    def tree(self) -> ast.Module:
        return _parsed(self.text).tree if self.is_python else ast.Module(body=[], type_ignores=[])

    def nodes(self, *kinds: type[_Node]) -> Iterator[_Node]:
        """Every node of these kinds, kind after kind."""
        by_kind = _parsed(self.text).by_kind if self.is_python else {}
        for kind in kinds:
            yield from by_kind.get(kind, ())  # type: ignore[misc]  # what is kept under a kind is of the kind

    def calls(self) -> Iterator[tuple[ast.Call, str]]:
        """Every call with the dotted name of what is called, as far as it is a name."""
        for node in self.nodes(ast.Call):
            yield node, dotted(node.func)

    def imported_modules(self) -> Iterator[tuple[int, str]]:
        for plain in self.nodes(ast.Import):
            yield from ((plain.lineno, alias.name) for alias in plain.names)
        for node in self.nodes(ast.ImportFrom):
            if node.module is not None:
                yield node.lineno, node.module

    def docstrings(self) -> set[int]:
        """The ids of the constants that are docstrings."""
        found: set[int] = set()
        blocks: Iterator[ast.Module | Definition] = self.nodes(
            ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef
        )
        for node in blocks:
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                found.add(id(first.value))
        return found

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


def dotted(node: ast.expr) -> str:
    """``a.b.c`` of a name or attribute; a part that is neither is ``?``."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return "?"
