"""The wall between brands: roles, grants, row policies, and the checks that refuse to start without them.

Three roles. The *owner* (``DATABASE_OWNER_URL``) migrates. The *application* login (``DATABASE_URL``) is a
member of ``yundian_app`` and lives under the row policies. ``yundian_relay`` is the courier's: the application
login may switch to it (``SET ROLE``) but does not inherit it, and its policies open the courier's tables only.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from yundian.platform.core.settings import Settings
from yundian.platform.db.database import RELAY_ROLE

APP_ROLE = "yundian_app"

# Known before the brand is; every other table must have a policy (tests/platform_db walks them all).
GLOBAL_TABLES = frozenset({"brand", "directory", "unclaimed_notice"})
BOOKKEEPING_TABLES = frozenset({"alembic_version"})

_READ_ONLY_FOR_APP = ("brand", "alembic_version")


class UnsafeRole(RuntimeError):
    """The application role could step over the wall; the process refuses to start."""


@dataclass(frozen=True)
class RoleReport:
    """What the application login is; ``problems`` is empty when it is safe."""

    login: str
    problems: list[str]


async def ensure_roles(owner: AsyncConnection, settings: Settings) -> None:
    """Create the plain roles where missing, and let the application login use them. Needs CREATEROLE once."""
    login = sa.make_url(settings.database_url)
    if login.username is None:
        raise UnsafeRole("DATABASE_URL names no user")
    await _create_role(owner, APP_ROLE, "NOLOGIN")
    await _create_role(owner, RELAY_ROLE, "NOLOGIN")
    await _create_role(owner, login.username, _login_clause(login.password))
    name = _quoted(login.username)
    if not await _is_member(owner, login.username, APP_ROLE):
        await owner.exec_driver_sql(f"GRANT {APP_ROLE} TO {name} WITH INHERIT TRUE")
    if not await _is_member(owner, login.username, RELAY_ROLE):
        await owner.exec_driver_sql(f"GRANT {RELAY_ROLE} TO {name} WITH INHERIT FALSE, SET TRUE")


async def grant_tables(owner: AsyncConnection) -> None:
    """After a migration: the application reads and writes rows (the policies say which), changes no table."""
    await owner.exec_driver_sql(f"GRANT USAGE ON SCHEMA public TO {APP_ROLE}, {RELAY_ROLE}")
    await owner.exec_driver_sql(
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {APP_ROLE}"
    )
    await owner.exec_driver_sql(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {APP_ROLE}")
    for table in _READ_ONLY_FOR_APP:
        await owner.exec_driver_sql(f"REVOKE INSERT, UPDATE, DELETE ON {table} FROM {APP_ROLE}")
    await owner.exec_driver_sql(f"REVOKE UPDATE ON directory FROM {APP_ROLE}")


async def inspect_role(connection: AsyncConnection) -> RoleReport:
    """What the connected login could do beyond the row policies."""
    row = (
        await connection.exec_driver_sql(
            "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole FROM pg_roles WHERE rolname = session_user"
        )
    ).one()
    owned = await connection.scalar(
        sa.text(
            "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')"
            " AND (pg_has_role(session_user, c.relowner, 'USAGE')"
            " OR pg_has_role(session_user, c.relowner, 'SET'))"
        )
    )
    problems = [
        text
        for is_bad, text in (
            (row.rolsuper, "is a superuser"),
            (row.rolbypassrls, "has BYPASSRLS"),
            (row.rolcreaterole, "has CREATEROLE"),
            (owned, "owns tables, or may become their owner"),
        )
        if is_bad
    ]
    return RoleReport(login=row.rolname, problems=problems)


async def check_startup(connection: AsyncConnection) -> None:
    """Refuse to run with a login that row policies do not bind."""
    report = await inspect_role(connection)
    if report.problems:
        raise UnsafeRole(f"DATABASE_URL's login {report.login!r} {', '.join(report.problems)}: use a plain role")


async def tables_without_policy(connection: AsyncConnection) -> set[str]:
    """The tables that row-level security does not guard."""
    rows = await connection.exec_driver_sql(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND EXISTS"
        " (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'brand'))"
    )
    return {row[0] for row in rows}


async def _create_role(owner: AsyncConnection, name: str, clause: str) -> None:
    exists = await owner.scalar(sa.text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": name})
    if not exists:
        await owner.exec_driver_sql(f"CREATE ROLE {_quoted(name)} {clause}")


async def _is_member(owner: AsyncConnection, login: str, role: str) -> bool:
    query = sa.text(
        "SELECT 1 FROM pg_auth_members m"
        " JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles l ON l.oid = m.member"
        " WHERE r.rolname = :role AND l.rolname = :login AND m.set_option"
    )
    return bool(await owner.scalar(query, {"role": role, "login": login}))


def _login_clause(password: str | None) -> str:
    if password is None:
        return "LOGIN"
    return "LOGIN PASSWORD '" + password.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
