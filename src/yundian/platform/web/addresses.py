"""Who is at the other end, when proxies that we trust stand in between."""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network


@lru_cache(maxsize=8)
def networks(trusted: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    """The trusted proxies, as networks; ``10.0.0.0/8`` or single addresses."""
    return tuple(ip_network(item, strict=False) for item in trusted)


def client_address(peer: str, forwarded_for: str, trusted: tuple[str, ...]) -> str:
    """The address nearest to us that is not one of our proxies.

    The header is read from its end: everything before the first untrusted entry was written by a stranger.
    """
    hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
    address = peer
    while is_trusted(address, trusted) and hops:
        address = hops.pop()
    return address


@lru_cache(maxsize=4096)
def is_trusted(address: str, trusted: tuple[str, ...]) -> bool:
    """Whether one of our proxies has this address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks(trusted))
