"""Refusals of people and rights. None says more than the caller may know."""

from yundian.platform.core.errors import DomainError


class WrongCredentials(DomainError):
    """Unknown login, wrong password, wrong code and revoked account all look like this."""

    code = "auth.wrong_credentials"
    status = 401
    title = "Login or password is wrong"


class SignInLocked(DomainError):
    """Too many wrong tries for this login, known or not; ``retry_after_s`` says when to come back."""

    code = "auth.locked"
    status = 429
    title = "Too many wrong tries; wait a little"


class CodeRequired(DomainError):
    """The password is right and the account wants its second factor; ``ticket`` continues the sign-in."""

    code = "auth.code_required"
    status = 401
    title = "Enter the code from your authenticator app"


class PasswordChangeRequired(DomainError):
    """A temporary password opens the way to choosing one's own, and to nothing else."""

    code = "auth.password_change_required"
    status = 403
    title = "Choose your own password first"
    remedy = "/account/password"


class LoginTaken(DomainError):
    code = "auth.login_taken"
    title = "This login is in use already"


class LastAdmin(DomainError):
    """The brand would be left without an active HQ administrator."""

    code = "auth.last_admin"
    title = "The last administrator cannot be removed"


class AccountRevoked(DomainError):
    code = "auth.account_revoked"
    title = "This account is revoked; HQ can restore it"


class RoleNotAllowed(DomainError):
    """A shop role without a shop, or an HQ role with one."""

    code = "auth.role_not_allowed"
    status = 400
    title = "This role cannot be granted like that"


class SecondFactorOn(DomainError):
    code = "auth.second_factor_on"
    title = "Two-step sign-in is on already"


class SecondFactorOff(DomainError):
    code = "auth.second_factor_off"
    title = "Two-step sign-in is not being set up"


class SignatureRequired(DomainError):
    """The key is right, and its secret travelled: what is sent here is signed with it instead."""

    code = "auth.signature_required"
    status = 401
    title = "Sign the request: send the key's id without its secret, and the signature's headers"


class SignatureExpired(DomainError):
    """The signature is right and its time is over, or not here yet; ``server_time`` tells how wrong a clock is."""

    code = "auth.signature_expired"
    status = 401
    title = "The signature is too old or from the future: sign again, with the right time"


class RequestReplayed(DomainError):
    """The very same signed request came before; a retry is signed anew, with the same ``webhook-id``."""

    code = "auth.request_replayed"
    title = "This signed request was received before: sign again to send it again"
