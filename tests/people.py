"""Makes people of the staff and signs them in, through the real sign-in."""

import datetime as dt
import uuid
from dataclasses import dataclass, replace

from yundian.platform.auth import api as auth
from yundian.platform.auth import repository
from yundian.platform.auth.models import StaffSession
from yundian.platform.auth.sign_in import sign_in
from yundian.platform.auth.tokens import encoded
from yundian.platform.auth.types import Client
from yundian.platform.core import clock
from yundian.platform.core.ids import readable_code, secret_token, token_hash
from yundian.platform.core.principal import Grant, Role
from yundian.platform.db.services import Services

PASSWORD = "correct horse battery"


@dataclass(frozen=True, kw_only=True)
class Person:
    """A staff account of a test; ``headers`` carry her session as a bearer token."""

    brand_id: uuid.UUID
    id: uuid.UUID
    login: str
    token: str = ""
    session_id: uuid.UUID | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


async def make_person(
    services: Services,
    brand_id: uuid.UUID,
    *roles: Role,
    shop_id: uuid.UUID | None = None,
    login: str | None = None,
) -> Person:
    """An account with her own password (``PASSWORD``), not signed in; shop roles hold for ``shop_id``."""
    login = login or f"p-{readable_code(12).lower()}"
    async with services.database.unit_of_work(brand_id) as session:
        made = await auth.create_account(
            session,
            keyring=services.keyring,
            brand_id=brand_id,
            login=login,
            display_name=f"Person {login[-4:]}",
            grants=[Grant(role, None if role.is_hq else shop_id) for role in roles],
            actor_id=None,
            password=PASSWORD,
        )
    return Person(brand_id=brand_id, id=made.account_id, login=login)


async def sign_in_as(
    services: Services, brand_id: uuid.UUID, *roles: Role, shop_id: uuid.UUID | None = None
) -> Person:
    """A new account with these roles and a session."""
    person = await make_person(services, brand_id, *roles, shop_id=shop_id)
    return await sign_in_again(services, person)


async def sign_in_again(services: Services, person: Person) -> Person:
    """The same person with another session."""
    signed_in = await sign_in(
        services.database,
        keyring=services.keyring,
        login=person.login,
        password=PASSWORD,
        code=None,
        client=Client(ip="127.0.0.1", user_agent="tests"),
    )
    return replace(person, token=signed_in.token)


async def give_session(services: Services, person: Person) -> Person:
    """A session without the cost of a password: for tests that need hundreds."""
    secret, now = secret_token(), clock.now()
    session = StaffSession(
        brand_id=person.brand_id,
        token_hash=token_hash(secret),
        account_id=person.id,
        expires_at=now + dt.timedelta(days=1),
        ends_at=now + dt.timedelta(days=1),
        ip_hash=b"",
        user_agent="tests",
    )
    async with services.database.connection(person.brand_id) as tx:
        await repository.add_session(tx, session=session)
    return replace(person, token=f"{encoded(person.brand_id)}.{secret}", session_id=session.id)
