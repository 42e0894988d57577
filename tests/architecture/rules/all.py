"""Every rule by name. ``python -m tests.architecture.rules.all`` prints what breaks one."""

import sys
from collections.abc import Iterable, Iterator

from tests.architecture.rules import database, shape
from tests.architecture.rules.tree import Finding, Rule, SourceFile, repository_files

RULES: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        database.transactions_only_in_the_doors,
        database.raw_sql_only_in_repositories,
        database.migrations_wait_briefly_and_stand_alone,
        database.indexes_of_tables_in_use_are_built_concurrently,
        shape.a_room_uses_the_fixed_file_names,
        shape.files_stay_short,
        shape.packages_export_nothing,
        shape.alembic_is_not_a_package,
        shape.annotations_are_real,
        shape.nothing_is_unfinished,
        shape.skips_say_why,
        shape.tests_wait_for_a_condition,
        shape.time_comes_from_the_clock,
        shape.screens_go_by_the_houses_clock,
        shape.screens_write_times_in_one_way,
        shape.nothing_is_unpickled,
        shape.locks_name_no_host,
        shape.nothing_names_this_machine,
    )
}

# (rule, path) to the reason why this one file may break this one rule.
EXCEPTIONS: dict[tuple[str, str], str] = {
    (
        "raw_sql_only_in_repositories",
        "src/yundian/app/doctor.py",
    ): "Looks at a server that may be no database of ours, as whoever the settings name, before any door opens.",
    (
        "time_comes_from_the_clock",
        "src/yundian/platform/web/limits.py",
    ): "Subtracts from the reset time of the limits library, which counts by this very clock.",
}


def findings(files: Iterable[SourceFile]) -> list[Finding]:
    return [finding for file in files for finding in _findings_in(file)]


def _findings_in(file: SourceFile) -> Iterator[Finding]:
    try:
        _ = file.tree
    except SyntaxError as error:
        yield Finding("syntax", file.path, error.lineno or 1, error.msg)
        return
    for name, rule in RULES.items():
        if (name, str(file.path)) not in EXCEPTIONS:
            yield from (Finding(name, file.path, line, message) for line, message in rule(file))


def main() -> int:
    found = findings(repository_files())
    sys.stdout.writelines(f"{finding}\n" for finding in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
