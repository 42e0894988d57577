"""What other rooms and the command line may do with people. Functions take the session first."""

from yundian.platform.auth.customers.sessions import (
    end_customer_session,
    end_customer_sessions,
    open_customer_session,
)
from yundian.platform.auth.resolve import principal_of_token
from yundian.platform.auth.rules import safe_return_path
from yundian.platform.auth.service import (
    add_shop_person,
    create_account,
    grant_role,
    list_shop_people,
    remove_role,
    reset_password,
    revoke_account,
)
from yundian.platform.auth.signing import SIGNABLE, Signed
from yundian.platform.auth.signing import use_once as use_signature_once

__all__ = [
    "SIGNABLE",
    "Signed",
    "add_shop_person",
    "create_account",
    "end_customer_session",
    "end_customer_sessions",
    "grant_role",
    "list_shop_people",
    "open_customer_session",
    "principal_of_token",
    "remove_role",
    "reset_password",
    "revoke_account",
    "safe_return_path",
    "use_signature_once",
]
