"""Rules about the database: who commits, who writes SQL, and what a migration must say."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.rules.tree import Hit, SourceFile

# The sandbox stands for other companies and keeps books of its own, in a file.
_FOREIGN = "src/yundian/sandbox"

DOORS = (
    "src/yundian/platform/db/database.py",
    # Before there is a database to open a door to.
    "src/yundian/platform/db/migrate.py",
    "src/yundian/platform/embedded",
    _FOREIGN,
)

# A savepoint undoes a part of the transaction around it and ends nothing.
_SAVEPOINTS = ("src/yundian/platform/db", "src/yundian/platform/outbox")

RAW_SQL_HOMES = (
    "src/yundian/platform/db",
    "src/yundian/platform/outbox",
    # Makes the cluster's roles and its first database, as its superuser.
    "src/yundian/platform/embedded",
    _FOREIGN,
)

_BEGIN = {"begin", "begin_nested", "begin_twophase"}
_END = {"commit", "rollback"}
_TRANSACTION_SQL = re.compile(r"\s*(BEGIN|START TRANSACTION|COMMIT|ROLLBACK|SAVEPOINT)\b")
_SQL = re.compile(
    r"\s*(SELECT\s|INSERT INTO\s|UPDATE\s+\w+\s+SET\s|DELETE FROM\s|WITH\s+\w+.*\bAS\s*\("
    r"|MERGE INTO\s|COPY\s|LOCK TABLE\s|TRUNCATE\s|CREATE\s(TEMP|TABLE|INDEX|ROLE)|ALTER\s(TABLE|ROLE))",
    re.DOTALL,
)


def transactions_only_in_the_doors(file: SourceFile) -> Iterator[Hit]:
    """Whatever commits outside the doors splits a request into two transactions."""
    if not file.is_code or file.is_under(*DOORS):
        return
    has_savepoints = file.is_under(*_SAVEPOINTS)
    for call, name in file.calls():
        _, _, method = name.rpartition(".")
        if "." not in name or (method == "begin_nested" and has_savepoints):
            continue
        # With arguments it is a verb of the room: a reservation of stock is committed too.
        is_bare = not call.args and not call.keywords
        if method in _BEGIN or (method in _END and is_bare) or (method == "transaction" and not call.args):
            yield call.lineno, f"{name}() belongs in the two doors (platform/db/database.py)"
    for line, text in _strings(file):
        if _TRANSACTION_SQL.match(text) and not (has_savepoints and "SAVEPOINT" in text):
            yield line, "transaction commands belong in the two doors (platform/db/database.py)"


def raw_sql_only_in_repositories(file: SourceFile) -> Iterator[Hit]:
    """SQL in text is kept where somebody looks for it: ``repository.py`` and platform/{db,outbox}."""
    if not file.is_code or file.is_under(*RAW_SQL_HOMES) or file.is_file_of("repository"):
        return
    for call, name in file.calls():
        # Index predicates and server defaults of a table have no other spelling.
        if name in ("sa.text", "sqlalchemy.text") and not file.is_file_of("models"):
            yield call.lineno, f"{name}() belongs in repository.py"
        if name.endswith(".exec_driver_sql"):
            yield call.lineno, "exec_driver_sql() belongs in repository.py"
    for line, text in _strings(file):
        if _SQL.match(text):
            yield line, "SQL text belongs in repository.py"


def migrations_wait_briefly_and_stand_alone(file: SourceFile) -> Iterator[Hit]:
    """A migration gives up on a lock instead of queueing the shop behind it, and outlives today's code."""
    if not file.is_migration:
        return
    for line, module in file.imported_modules():
        if module.split(".")[0] in ("yundian", "stores", "groupbuy", "wishlist", "appointments", "sqlmodel"):
            yield line, f"imports {module}: a migration must not change when the code does"
    found = {node.name: node for node in file.tree.body if isinstance(node, ast.FunctionDef)}
    for name in ("upgrade", "downgrade"):
        if name not in found:
            yield 1, f"has no {name}()"
        elif not _sets_lock_timeout(found[name]):
            yield found[name].lineno, f"{name}() does not start with SET LOCAL lock_timeout"


def _sets_lock_timeout(function: ast.FunctionDef) -> bool:
    body = [
        node for node in function.body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]
    return bool(body) and "SET LOCAL lock_timeout" in ast.unparse(body[0])


# Migrations up to this one were made before the house was in use.
_BEFORE_IT_WAS_IN_USE = 47
_BUILDS = re.compile(
    r"\s*(CREATE\s+(UNIQUE\s+)?INDEX|ALTER\s+TABLE\b.*\bADD\b.*\b(UNIQUE|PRIMARY\s+KEY|EXCLUDE)\b)",
    re.DOTALL | re.IGNORECASE,
)
_BUILDERS = {
    "op.create_index": 1,
    "op.create_unique_constraint": 1,
    "op.create_primary_key": 1,
    "op.create_exclude_constraint": 1,
}


def indexes_of_tables_in_use_are_built_concurrently(file: SourceFile) -> Iterator[Hit]:
    """An index on a table that is there already is built while the house goes on (ADR 0027)."""
    if not file.is_migration or int(file.path.stem[:4]) <= _BEFORE_IT_WAS_IN_USE:
        return
    constants = {
        target.id: ast.unparse(node.value)
        for node in file.nodes(ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }

    def table_of(call: ast.Call, place: int) -> str:
        named = (keyword.value for keyword in call.keywords if keyword.arg == "table_name")
        argument = call.args[place] if len(call.args) > place else next(named, None)
        text = "" if argument is None else ast.unparse(argument)
        return constants.get(text, text)

    new = {table_of(call, 0) for call, name in file.calls() if name == "op.create_table"}
    for call, name in file.calls():
        if name in _BUILDERS and table_of(call, _BUILDERS[name]) not in new:
            yield call.lineno, f"{name}() keeps writers waiting: op.create_index_concurrently() (ADR 0027)"
        if name.endswith(".Column") and {"index", "unique"} & {keyword.arg for keyword in call.keywords}:
            yield (
                call.lineno,
                "name the index: op.create_index(), of a table in use op.create_index_concurrently()",
            )
    for line, text in _strings(file):
        if _BUILDS.match(text):
            yield line, "an index in SQL text: op.create_index_concurrently() (ADR 0027)"


def _strings(file: SourceFile) -> Iterator[tuple[int, str]]:
    """Every text in the code that is not a docstring; of an f-string, its first piece."""
    skip = file.docstrings()
    for joined in file.nodes(ast.JoinedStr):
        skip.update(id(value) for value in joined.values[1:])
    for node in file.nodes(ast.Constant):
        if isinstance(node.value, str) and id(node) not in skip:
            yield node.lineno, node.value
