"""Accounts and grants: what changes, who is told what, and that a brand always keeps an administrator."""

import uuid

import anyio
import pytest
from sqlmodel import select

from tests.people import PASSWORD, make_person, sign_in_again, sign_in_as
from yundian.brands.types import BrandView
from yundian.platform.auth import api_keys, service
from yundian.platform.auth.errors import AccountRevoked, LastAdmin, LoginTaken, RoleNotAllowed, WrongCredentials
from yundian.platform.auth.models import Account, AuditEntry
from yundian.platform.auth.resolve import principal_of_token
from yundian.platform.auth.sign_in import end_session, list_sessions, sign_in
from yundian.platform.auth.types import AccountStatus, Client, GrantView, NewPassword
from yundian.platform.core.errors import DomainError, InvalidInput, NotFound
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import ANONYMOUS, Grant, PrincipalKind, Role
from yundian.platform.db.database import operator_unit_of_work
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio


async def create(
    services: Services, brand_id: uuid.UUID, login: str, *grants: Grant, password: str | None = None
) -> NewPassword:
    async with services.database.unit_of_work(brand_id) as session:
        return await service.create_account(
            session,
            keyring=services.keyring,
            brand_id=brand_id,
            login=login,
            display_name="王小云",
            grants=grants,
            actor_id=None,
            password=password,
        )


async def audit(services: Services, brand_id: uuid.UUID) -> list[tuple[str, str]]:
    async with services.database.unit_of_work(brand_id) as session:
        page = await service.audit_trail(session, keyring=services.keyring, brand_id=brand_id)
    return [(line.action, line.detail) for line in page.items]


async def test_an_operator_makes_the_first_admin_with_a_temporary_password(
    services: Services, brand: BrandView
) -> None:
    login = f"boss-{brand.code}"
    async with operator_unit_of_work(services.settings, brand.id) as session:
        made = await service.create_account(
            session,
            keyring=services.keyring,
            brand_id=brand.id,
            login=login,
            display_name="Boss",
            grants=[Grant(Role.HQ_ADMIN)],
            actor_id=None,
        )

    signed_in = await sign_in(
        services.database,
        keyring=services.keyring,
        login=login,
        password=made.temporary_password or "",
        code=None,
        client=Client(),
    )
    principal = await principal_of_token(services.database, keyring=services.keyring, token=signed_in.token)
    assert signed_in.must_change_password
    assert principal.must_change_password
    assert principal.roles == {Role.HQ_ADMIN}
    assert await audit(services, brand.id) == [("role.granted", "hq_admin"), ("account.created", "")]


async def test_login_name_and_password_are_not_in_the_table_in_clear(services: Services, brand: BrandView) -> None:
    login = f"1390000{new_id().int % 10_000:04d}"
    await create(services, brand.id, login, Grant(Role.HQ_ADMIN), password=PASSWORD)

    async with services.database.unit_of_work(brand.id) as session:
        account = (await session.exec(select(Account))).one()
    stored = repr(account.model_dump()).encode()
    assert login.encode() not in stored
    assert login.encode() not in account.login_sealed
    assert account.password_hash.startswith("$argon2id$")


async def test_a_login_exists_once_on_the_whole_installation(
    services: Services, brand: BrandView, other_brand: BrandView
) -> None:
    login = f"one-{brand.code}"
    await create(services, brand.id, login, Grant(Role.HQ_ADMIN))

    for brand_id in (brand.id, other_brand.id):
        with pytest.raises(LoginTaken):
            await create(services, brand_id, login.upper(), Grant(Role.HQ_ADMIN))


async def test_a_login_claimed_by_many_at_once_goes_to_one(services: Services, brand: BrandView) -> None:
    results: list[str] = []

    async def attempt() -> None:
        try:
            await create(services, brand.id, f"race-{brand.code}", Grant(Role.HQ_ADMIN))
            results.append("made")
        except LoginTaken as refusal:
            results.append(refusal.code)

    async with anyio.create_task_group() as group:
        for _ in range(6):
            group.start_soon(attempt)

    assert sorted(results) == ["auth.login_taken"] * 5 + ["made"]


@pytest.mark.parametrize("login", ["", "ab", "x" * 121, "a b\x00c", "drop;table", "名字"])
async def test_a_login_that_is_none_names_its_field(services: Services, brand: BrandView, login: str) -> None:
    if login == "名字":
        login = "名" * 2

    with pytest.raises(InvalidInput) as refused:
        await create(services, brand.id, login)

    assert refused.value.facts["errors"] == [
        {"field": "login", "message": "3 to 120 letters, digits or . @ + - _"}
    ]


@pytest.mark.parametrize("password", ["short", "x" * 129, "aaaaaaaaaaaa"])
async def test_a_weak_password_is_refused(services: Services, brand: BrandView, password: str) -> None:
    with pytest.raises(InvalidInput):
        await create(services, brand.id, f"weak-{brand.code}", password=password)


@pytest.mark.parametrize("grant", [Grant(Role.HQ_ADMIN, new_id()), Grant(Role.SHOP_OWNER), Grant(Role.SHOP_STAFF)])
async def test_hq_roles_have_no_shop_and_shop_roles_have_one(
    services: Services, brand: BrandView, grant: Grant
) -> None:
    with pytest.raises(RoleNotAllowed):
        await create(services, brand.id, f"role-{brand.code}", grant)


async def test_a_role_granted_twice_is_held_once_and_can_be_taken_away_once(
    services: Services, brand: BrandView
) -> None:
    person = await sign_in_as(services, brand.id)
    grant = Grant(Role.SHOP_STAFF, new_id())
    for _ in range(2):
        async with services.database.unit_of_work(brand.id) as session:
            await service.grant_role(
                session, brand_id=brand.id, account_id=person.id, grant=grant, actor_id=person.id
            )
    async with services.database.unit_of_work(brand.id) as session:
        view = await service.person(session, keyring=services.keyring, brand_id=brand.id, account_id=person.id)
    principal = await principal_of_token(services.database, keyring=services.keyring, token=person.token)

    async with services.database.unit_of_work(brand.id) as session:
        await service.remove_role(
            session, brand_id=brand.id, account_id=person.id, grant=grant, actor_id=person.id
        )
    with pytest.raises(NotFound):
        async with services.database.unit_of_work(brand.id) as session:
            await service.remove_role(
                session, brand_id=brand.id, account_id=person.id, grant=grant, actor_id=person.id
            )

    assert view.grants == [GrantView(role=Role.SHOP_STAFF, shop_id=grant.shop_id)]
    assert principal.grants == {grant}
    after = await principal_of_token(services.database, keyring=services.keyring, token=person.token)
    assert after.grants == frozenset()
    told = [action for action, _ in await audit(services, brand.id)]
    assert told == ["role.removed", "role.granted", "account.created"]


async def test_revoking_ends_all_sessions_and_restoring_gives_a_new_password(
    services: Services, brand: BrandView
) -> None:
    admin = await make_person(services, brand.id, Role.HQ_ADMIN)
    person = await sign_in_as(services, brand.id, Role.HQ_ANALYST)
    again = await sign_in_again(services, person)

    async with services.database.unit_of_work(brand.id) as session:
        await service.revoke_account(session, brand_id=brand.id, account_id=person.id, actor_id=admin.id)
    for token in (person.token, again.token):
        assert await principal_of_token(services.database, keyring=services.keyring, token=token) == ANONYMOUS
    with pytest.raises(AccountRevoked):
        async with services.database.unit_of_work(brand.id) as session:
            await service.reset_password(
                session, keyring=services.keyring, brand_id=brand.id, account_id=person.id, actor_id=admin.id
            )
    async with services.database.unit_of_work(brand.id) as session:
        made = await service.restore_account(
            session, keyring=services.keyring, brand_id=brand.id, account_id=person.id, actor_id=admin.id
        )

    with pytest.raises(WrongCredentials):
        await sign_in_again(services, person)
    signed_in = await sign_in(
        services.database,
        keyring=services.keyring,
        login=made.login,
        password=made.temporary_password or "",
        code=None,
        client=Client(),
    )
    principal = await principal_of_token(services.database, keyring=services.keyring, token=signed_in.token)
    assert principal.roles == {Role.HQ_ANALYST}


async def test_changing_the_password_ends_the_other_sessions(services: Services, brand: BrandView) -> None:
    person = await sign_in_as(services, brand.id, Role.HQ_ANALYST)
    other = await sign_in_again(services, person)
    here = await principal_of_token(services.database, keyring=services.keyring, token=person.token)

    async with services.database.unit_of_work(brand.id) as session:
        await service.change_password(
            session,
            keyring=services.keyring,
            brand_id=brand.id,
            account_id=person.id,
            session_id=here.session_id,
            new_password="another good password",
        )

    assert (
        await principal_of_token(services.database, keyring=services.keyring, token=person.token)
    ).id == person.id
    assert await principal_of_token(services.database, keyring=services.keyring, token=other.token) == ANONYMOUS


async def test_a_session_of_somebody_else_cannot_be_ended(services: Services, brand: BrandView) -> None:
    person = await sign_in_as(services, brand.id, Role.HQ_ANALYST)
    other = await sign_in_as(services, brand.id, Role.HQ_ANALYST)
    theirs = await principal_of_token(services.database, keyring=services.keyring, token=other.token)
    assert theirs.session_id is not None

    with pytest.raises(NotFound):
        async with services.database.unit_of_work(brand.id) as session:
            await end_session(session, brand_id=brand.id, account_id=person.id, session_id=theirs.session_id)

    async with services.database.unit_of_work(brand.id) as session:
        mine = await list_sessions(session, brand_id=brand.id, account_id=person.id, current_id=None)
    assert len(mine) == 1
    assert (
        await principal_of_token(services.database, keyring=services.keyring, token=other.token)
    ).id == other.id


@pytest.mark.parametrize("way", ["revoke", "remove role", "both"])
async def test_of_two_admins_who_remove_each_other_at_once_one_stays(
    services: Services, brand: BrandView, way: str
) -> None:
    admins = [await make_person(services, brand.id, Role.HQ_ADMIN) for _ in range(3)]
    refusals: list[DomainError] = []

    async def remove(account_id: uuid.UUID, by_role: bool) -> None:
        try:
            async with services.database.unit_of_work(brand.id) as session:
                if by_role:
                    await service.remove_role(
                        session,
                        brand_id=brand.id,
                        account_id=account_id,
                        grant=Grant(Role.HQ_ADMIN),
                        actor_id=None,
                    )
                else:
                    await service.revoke_account(session, brand_id=brand.id, account_id=account_id, actor_id=None)
        except LastAdmin as refusal:
            refusals.append(refusal)

    async with anyio.create_task_group() as group:
        for index, admin in enumerate(admins):
            by_role = way == "remove role" or (way == "both" and index % 2 == 0)
            group.start_soon(remove, admin.id, by_role)

    async with services.database.unit_of_work(brand.id) as session:
        page = await service.list_people(session, keyring=services.keyring, brand_id=brand.id)
    left = [
        p
        for p in page.items
        if p.status is AccountStatus.ACTIVE and GrantView(role=Role.HQ_ADMIN, shop_id=None) in p.grants
    ]
    assert len(left) == 1
    assert len(refusals) == 1


async def test_people_are_listed_in_pages_and_found_by_name_or_whole_login(
    services: Services, brand: BrandView, other_brand: BrandView
) -> None:
    people = [await make_person(services, brand.id, Role.HQ_ANALYST) for _ in range(3)]
    await make_person(services, other_brand.id, Role.HQ_ANALYST)

    async with services.database.unit_of_work(brand.id) as session:
        first = await service.list_people(session, keyring=services.keyring, brand_id=brand.id, limit=2)
        second = await service.list_people(
            session, keyring=services.keyring, brand_id=brand.id, limit=2, cursor=first.next_cursor
        )
        found = [
            await service.list_people(session, keyring=services.keyring, brand_id=brand.id, search=search)
            for search in (
                people[1].login.upper(),
                f"Person {people[1].login[-4:]}".lower(),
                "100%",
                people[1].login[:6],
            )
        ]

    assert [p.id for p in (*first.items, *second.items)] == [p.id for p in people]
    assert second.next_cursor is None
    assert [[p.id for p in page.items] for page in found] == [[people[1].id], [people[1].id], [], []]


async def test_people_of_a_shop_are_added_by_login_whether_they_have_an_account_or_not(
    services: Services, brand: BrandView
) -> None:
    shop, other_shop = new_id(), new_id()
    known = await make_person(services, brand.id, Role.SHOP_STAFF, shop_id=other_shop)

    async with services.database.unit_of_work(brand.id) as session:
        added = [
            await service.add_shop_person(
                session,
                keyring=services.keyring,
                brand_id=brand.id,
                shop_id=shop,
                login=login,
                display_name="Li",
                role=role,
                actor_id=None,
            )
            for login, role in ((known.login, Role.SHOP_STAFF), (f"new-{brand.code}", Role.SHOP_OWNER))
        ]
    async with services.database.unit_of_work(brand.id) as session:
        people = await service.list_shop_people(session, keyring=services.keyring, brand_id=brand.id, shop_id=shop)

    assert [(p.id, p.role) for p in people] == [
        (added[1].account_id, Role.SHOP_OWNER),
        (known.id, Role.SHOP_STAFF),
    ]
    assert (added[0].temporary_password, bool(added[1].temporary_password)) == (None, True)


async def test_an_api_key_resolves_until_it_is_revoked(services: Services, brand: BrandView) -> None:
    async with services.database.unit_of_work(brand.id) as session:
        made = await api_keys.create_key(
            session,
            keyring=services.keyring,
            brand_id=brand.id,
            name="Till system",
            scopes=["orders:write"],
            actor_id=None,
        )
    principal = await principal_of_token(services.database, keyring=services.keyring, token=made.key)
    wrong = await principal_of_token(services.database, keyring=services.keyring, token=made.key[:-1] + "_")

    async with services.database.unit_of_work(brand.id) as session:
        (listed,) = await api_keys.list_keys(session, brand_id=brand.id)
        await api_keys.revoke_key(session, keyring=services.keyring, brand_id=brand.id, id=made.id, actor_id=None)

    assert (principal.kind, principal.brand_id, principal.scopes) == (
        PrincipalKind.API_KEY,
        brand.id,
        frozenset({"orders:write"}),
    )
    assert wrong == ANONYMOUS
    assert listed.last_used_at is not None
    assert (await principal_of_token(services.database, keyring=services.keyring, token=made.key)) == ANONYMOUS


async def test_the_audit_trail_says_who_did_what_on_whom(services: Services, brand: BrandView) -> None:
    admin = await make_person(services, brand.id, Role.HQ_ADMIN)
    person = await make_person(services, brand.id, Role.HQ_ANALYST)

    async with services.database.unit_of_work(brand.id) as session:
        await service.reset_password(
            session, keyring=services.keyring, brand_id=brand.id, account_id=person.id, actor_id=admin.id
        )
    async with services.database.unit_of_work(brand.id) as session:
        page = await service.audit_trail(
            session, keyring=services.keyring, brand_id=brand.id, subject_id=person.id, limit=1
        )
        entries = (await session.exec(select(AuditEntry))).all()

    line = page.items[0]
    assert (line.action, line.actor, line.subject) == (
        "password.reset",
        f"Person {admin.login[-4:]}",
        f"Person {person.login[-4:]}",
    )
    assert page.next_cursor is not None
    assert person.login not in repr(entries)
