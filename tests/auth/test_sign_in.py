"""Signing in against the real database: locks, races, second factor, what a token is worth."""

import datetime as dt
import uuid

import anyio
import pyotp
import pytest
from argon2 import PasswordHasher

from tests.people import PASSWORD, Person, make_person, sign_in_again, sign_in_as
from yundian.brands.types import BrandView
from yundian.platform.auth import passwords, rules, second_factor, service
from yundian.platform.auth.errors import CodeRequired, SignInLocked, WrongCredentials
from yundian.platform.auth.resolve import principal_of_token
from yundian.platform.auth.sign_in import confirm_code, confirm_password, forget_old, sign_in, sign_out
from yundian.platform.auth.types import Client, SignedIn
from yundian.platform.core import clock
from yundian.platform.core.errors import InvalidInput
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import ANONYMOUS, Grant, Principal, Role
from yundian.platform.db.counting import counted
from yundian.platform.db.database import operator_unit_of_work
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

CLIENT = Client(ip="192.0.2.7", user_agent="Mozilla/5.0 MicroMessenger")


async def try_sign_in(
    services: Services, login: str, password: str = PASSWORD, code: str | None = None
) -> SignedIn:
    return await sign_in(
        services.database, keyring=services.keyring, login=login, password=password, code=code, client=CLIENT
    )


async def resolve(services: Services, token: str) -> Principal:
    return await principal_of_token(services.database, keyring=services.keyring, token=token)


async def sql(services: Services, brand_id: uuid.UUID, statement: str) -> None:
    async with services.database.connection(brand_id) as tx:
        await tx.execute(statement)


async def outcome(services: Services, login: str, password: str) -> str:
    try:
        await try_sign_in(services, login, password)
    except (WrongCredentials, SignInLocked) as refusal:
        return refusal.code
    return "in"


async def test_the_right_password_gives_a_session_that_resolves_in_one_query(
    services: Services, brand: BrandView
) -> None:
    shop = new_id()
    person = await make_person(services, brand.id, Role.SHOP_OWNER, shop_id=shop)

    signed_in = await try_sign_in(services, person.login)
    with counted() as statements:
        principal = await resolve(services, signed_in.token)

    assert (principal.brand_id, principal.id) == (brand.id, person.id)
    assert principal.grants == {Grant(Role.SHOP_OWNER, shop)}
    assert len(statements) == 1


@pytest.mark.parametrize("written", ["13800138000", "+86 138 0013 8000", "１３８-0013-8000"])
def test_one_phone_number_is_one_login(written: str) -> None:
    assert rules.checked_login(written) == "13800138000"


async def test_case_and_width_of_a_login_do_not_matter(services: Services, brand: BrandView) -> None:
    person = await make_person(services, brand.id, Role.HQ_ANALYST)

    assert (await try_sign_in(services, f"  {person.login.upper()} ")).account_id == person.id


async def test_unknown_login_wrong_password_and_revoked_account_are_answered_alike(
    services: Services, brand: BrandView, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = await make_person(services, brand.id, Role.HQ_ANALYST)
    revoked = await make_person(services, brand.id, Role.HQ_ANALYST)
    async with services.database.unit_of_work(brand.id) as session:
        await service.revoke_account(session, brand_id=brand.id, account_id=revoked.id, actor_id=None)
    verified: list[str] = []
    real = passwords.verify

    async def seen(password_hash: str, password: str) -> bool:
        verified.append(password_hash)
        return await real(password_hash, password)

    monkeypatch.setattr(passwords, "verify", seen)
    refusals, statements = [], []
    for login, password in ((known.login, "wrong password"), ("nobody-here", PASSWORD), (revoked.login, PASSWORD)):
        with counted() as sent, pytest.raises(WrongCredentials) as refused:
            await try_sign_in(services, login, password)
        refusals.append((refused.value.code, refused.value.status, refused.value.facts))
        statements.append(len(sent))

    assert refusals == [("auth.wrong_credentials", 401, {})] * 3
    # The same statements and one verification with the same parameters, whether the login exists or not.
    assert len(set(statements)) == 1
    assert len(verified) == 3
    assert [h.split("$")[1:4] for h in verified] == [passwords.DUMMY_HASH.split("$")[1:4]] * 3


@pytest.mark.parametrize("exists", [True, False])
async def test_ten_wrong_tries_in_parallel_lock_a_login_whether_it_exists_or_not(
    services: Services, brand: BrandView, exists: bool
) -> None:
    person = await make_person(services, brand.id, Role.HQ_ANALYST)
    login = person.login if exists else f"no-{person.login}"
    codes: list[str] = []

    async def attempt() -> None:
        codes.append(await outcome(services, login, "wrong password"))

    async with anyio.create_task_group() as group:
        for _ in range(14):
            group.start_soon(attempt)

    assert sorted(codes) == ["auth.locked"] * 4 + ["auth.wrong_credentials"] * 10
    with pytest.raises(SignInLocked) as refused:
        await try_sign_in(services, login)
    assert 800 < int(str(refused.value.facts["retry_after_s"])) <= 900


async def test_a_lock_ends_after_fifteen_minutes_and_counting_starts_again(
    services: Services, brand: BrandView
) -> None:
    person = await make_person(services, brand.id, Role.HQ_ANALYST)
    for _ in range(10):
        await outcome(services, person.login, "wrong password")
    assert await outcome(services, person.login, PASSWORD) == "auth.locked"

    await sql(services, brand.id, "UPDATE auth_login_attempt SET locked_until = now() - interval '1 second'")

    assert await outcome(services, person.login, "wrong password") == "auth.wrong_credentials"
    assert await outcome(services, person.login, PASSWORD) == "in"


async def test_a_success_forgets_the_wrong_tries_before_it(services: Services, brand: BrandView) -> None:
    person = await make_person(services, brand.id, Role.HQ_ANALYST)

    for _ in range(2):
        for _ in range(9):
            assert await outcome(services, person.login, "wrong password") == "auth.wrong_credentials"
        assert await outcome(services, person.login, PASSWORD) == "in"


async def test_signing_in_again_replaces_the_browsers_session_with_a_new_token(
    services: Services, brand: BrandView
) -> None:
    person = await sign_in_as(services, brand.id, Role.HQ_ANALYST)
    planted = Client(old_token=person.token)

    fresh = await sign_in(
        services.database,
        keyring=services.keyring,
        login=person.login,
        password=PASSWORD,
        code=None,
        client=planted,
    )

    assert fresh.token != person.token
    assert await resolve(services, person.token) == ANONYMOUS
    assert (await resolve(services, fresh.token)).id == person.id


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE auth_session SET revoked_at = now()",
        "UPDATE auth_session SET expires_at = now() - interval '1 second'",
        "UPDATE auth_account SET status = 'revoked'",
    ],
)
async def test_a_session_ends_with_its_next_use(services: Services, brand: BrandView, change: str) -> None:
    person = await sign_in_as(services, brand.id, Role.HQ_ADMIN)
    assert (await resolve(services, person.token)).is_authenticated

    await sql(services, brand.id, change)

    assert await resolve(services, person.token) == ANONYMOUS


async def test_a_session_in_use_slides_forward_but_not_past_its_end(services: Services, brand: BrandView) -> None:
    person = await sign_in_as(services, brand.id, Role.HQ_ADMIN)
    times = "SELECT expires_at, ends_at FROM auth_session"

    await sql(services, brand.id, "UPDATE auth_session SET expires_at = now() + interval '1 day'")
    await resolve(services, person.token)
    async with services.database.connection(brand.id) as tx:
        slid = await tx.fetchrow(times)
    await sql(services, brand.id, "UPDATE auth_session SET ends_at = now() + interval '2 days', expires_at = now() + interval '1 day'")  # fmt: skip  # noqa: E501
    await resolve(services, person.token)
    async with services.database.connection(brand.id) as tx:
        capped = await tx.fetchrow(times)

    assert slid is not None
    assert abs(slid["expires_at"] - clock.now() - rules.SESSION_IDLE) < dt.timedelta(minutes=1)
    assert capped is not None
    assert capped["expires_at"] == capped["ends_at"]


@pytest.mark.parametrize("token", ["", ".", "a.b", "x" * 300, "yk_.", "yk_a.b", "é.ü", f"{'A' * 22}.abc"])
async def test_a_token_that_is_none_makes_nobody(services: Services, token: str) -> None:
    assert await resolve(services, token) == ANONYMOUS


async def test_the_brand_in_a_token_is_a_hint_and_no_right(
    services: Services, brand: BrandView, other_brand: BrandView
) -> None:
    person = await sign_in_as(services, brand.id, Role.HQ_ADMIN)
    stranger = await sign_in_as(services, other_brand.id, Role.HQ_ADMIN)
    moved = f"{stranger.token.split('.')[0]}.{person.token.split('.')[1]}"

    assert await resolve(services, moved) == ANONYMOUS


async def test_signing_out_ends_the_session(services: Services, brand: BrandView) -> None:
    person = await sign_in_as(services, brand.id, Role.HQ_ADMIN)

    await sign_out(services.database, token=person.token)

    assert await resolve(services, person.token) == ANONYMOUS


async def enrolled(services: Services, brand_id: uuid.UUID) -> tuple[Person, pyotp.TOTP, list[str]]:
    person = await make_person(services, brand_id, Role.HQ_ADMIN)
    async with services.database.unit_of_work(brand_id) as session:
        begun = await second_factor.enrol(
            session, keyring=services.keyring, brand_id=brand_id, account_id=person.id
        )
    app = pyotp.TOTP(begun.secret)
    # The step before: the code of this moment stays unused for the test.
    code = app.at(clock.now() - dt.timedelta(seconds=30))
    async with services.database.unit_of_work(brand_id) as session:
        codes = await second_factor.confirm(
            session, keyring=services.keyring, brand_id=brand_id, account_id=person.id, code=code
        )
    return person, app, codes


async def ticket_for(services: Services, person: Person) -> str:
    with pytest.raises(CodeRequired) as wanted:
        await try_sign_in(services, person.login)
    return str(wanted.value.facts["ticket"])


async def test_with_a_second_factor_the_password_alone_opens_nothing(services: Services, brand: BrandView) -> None:
    person, app, _ = await enrolled(services, brand.id)
    ticket = await ticket_for(services, person)

    with pytest.raises(WrongCredentials):
        await confirm_code(
            services.database, keyring=services.keyring, ticket=ticket, code="000000", client=CLIENT
        )
    signed_in = await confirm_code(
        services.database, keyring=services.keyring, ticket=ticket, code=app.at(clock.now()), client=CLIENT
    )

    assert (await resolve(services, signed_in.token)).id == person.id


async def test_a_code_works_once_even_in_parallel(services: Services, brand: BrandView) -> None:
    person, app, _ = await enrolled(services, brand.id)
    code = app.at(clock.now())
    results: list[str] = []

    async def attempt() -> None:
        try:
            await try_sign_in(services, person.login, code=code)
            results.append("in")
        except WrongCredentials:
            results.append("refused")

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(attempt)

    assert sorted(results) == ["in"] + ["refused"] * 4
    with pytest.raises(WrongCredentials):
        await try_sign_in(services, person.login, code=code)


async def test_a_recovery_code_works_once(services: Services, brand: BrandView) -> None:
    person, _, codes = await enrolled(services, brand.id)

    assert (await try_sign_in(services, person.login, code=codes[3].lower())).account_id == person.id
    with pytest.raises(WrongCredentials):
        await try_sign_in(services, person.login, code=codes[3])
    assert len(set(codes)) == 10


async def test_wrong_codes_lock_the_login_and_the_right_password_does_not_reset_them(
    services: Services, brand: BrandView
) -> None:
    person, app, _ = await enrolled(services, brand.id)

    # A right password and a wrong code are two tries.
    for _ in range(5):
        ticket = await ticket_for(services, person)
        with pytest.raises(WrongCredentials):
            await confirm_code(
                services.database, keyring=services.keyring, ticket=ticket, code="000000", client=CLIENT
            )

    with pytest.raises(SignInLocked):
        await try_sign_in(services, person.login, code=app.at(clock.now()))


async def test_a_ticket_dies_with_the_password_and_cannot_be_made_up(services: Services, brand: BrandView) -> None:
    person, app, _ = await enrolled(services, brand.id)
    ticket = await ticket_for(services, person)
    async with services.database.unit_of_work(brand.id) as session:
        await service.change_password(
            session,
            keyring=services.keyring,
            brand_id=brand.id,
            account_id=person.id,
            session_id=None,
            new_password="another good password",
        )

    for forged in (ticket, ticket[:-4] + "AAAA", "AAAA", "", "ü"):
        with pytest.raises(WrongCredentials):
            await confirm_code(
                services.database, keyring=services.keyring, ticket=forged, code=app.at(clock.now()), client=CLIENT
            )


async def test_a_password_of_older_parameters_is_rehashed_at_the_next_sign_in(
    services: Services, brand: BrandView
) -> None:
    person = await make_person(services, brand.id, Role.HQ_ANALYST)
    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    await sql(services, brand.id, f"UPDATE auth_account SET password_hash = '{weak}'")

    await try_sign_in(services, person.login)

    async with services.database.connection(brand.id) as tx:
        stored = await tx.fetchval("SELECT password_hash FROM auth_account")
    assert stored.split("$")[3] == passwords.DUMMY_HASH.split("$")[3]
    assert await passwords.verify(stored, PASSWORD)


async def test_a_stolen_session_is_no_way_to_guess_the_password(services: Services, brand: BrandView) -> None:
    person = await sign_in_as(services, brand.id, Role.HQ_ADMIN)

    async def confirm(password: str) -> None:
        await confirm_password(services.database, brand_id=brand.id, account_id=person.id, password=password)

    await confirm(PASSWORD)
    for _ in range(10):
        with pytest.raises(InvalidInput):
            await confirm("wrong password")
    with pytest.raises(SignInLocked):
        await confirm(PASSWORD)


async def test_what_ended_long_ago_is_forgotten(services: Services, brand: BrandView) -> None:
    person = await sign_in_as(services, brand.id, Role.HQ_ADMIN)
    await sign_in_again(services, person)
    await outcome(services, person.login, "wrong password")
    await outcome(services, "nobody-" + person.login, "wrong password")
    async with operator_unit_of_work(services.settings, brand.id) as session:
        connection = await session.connection()
        await connection.exec_driver_sql("UPDATE auth_login_attempt SET tried_at = now() - interval '2 days'")
        await connection.exec_driver_sql(
            "UPDATE auth_session SET expires_at = now() - interval '31 days'"
            f" WHERE brand_id = '{brand.id}' AND id = (SELECT min(id::text)::uuid FROM auth_session WHERE brand_id = '{brand.id}')"  # noqa: E501
        )

    await forget_old(services.database)

    async with operator_unit_of_work(services.settings, brand.id) as session:
        connection = await session.connection()
        left = (await connection.exec_driver_sql("SELECT count(*) FROM auth_login_attempt")).scalar_one()
        sessions = (
            await connection.exec_driver_sql(f"SELECT count(*) FROM auth_session WHERE brand_id = '{brand.id}'")
        ).scalar_one()
    assert (left, sessions) == (0, 1)
