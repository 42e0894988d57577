"""Password hashing (argon2id) that never blocks the event loop and never takes more memory than planned."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from yundian.platform.core.errors import Unavailable

T = TypeVar("T")

# OWASP's second choice: 19 MiB and about 20 ms. With two threads a web process stays within its memory.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_THREADS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")
# Beyond this the answer would come too late to be of use.
_MAX_WAITING = 100
_waiting = 0

# Of a password nobody knows: an unknown login costs the same verification. Same parameters as above.
DUMMY_HASH = _HASHER.hash("nobody's password")


async def hashed(password: str) -> str:
    """The argon2id hash to store."""
    return await _in_thread(lambda: _HASHER.hash(password))


async def verify(password_hash: str, password: str) -> bool:
    """Whether the password belongs to the hash; takes as long for a wrong one."""
    return await _in_thread(lambda: _is_right(password_hash, password))


def is_outdated(password_hash: str) -> bool:
    """Whether the hash was made with parameters that are no longer ours."""
    return _HASHER.check_needs_rehash(password_hash)


def _is_right(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


async def _in_thread(work: Callable[[], T]) -> T:
    global _waiting  # noqa: PLW0603  the length of this process's own queue
    if _waiting >= _MAX_WAITING:
        raise Unavailable(retry_after_s=2)
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_THREADS, work)
    finally:
        _waiting -= 1
