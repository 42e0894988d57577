"""What other rooms and the command line may do with people. Functions take the session first."""

from yundian.platform.auth.service import (
    add_shop_person,
    create_account,
    grant_role,
    list_shop_people,
    remove_role,
    reset_password,
    revoke_account,
)

__all__ = [
    "add_shop_person",
    "create_account",
    "grant_role",
    "list_shop_people",
    "remove_role",
    "reset_password",
    "revoke_account",
]
