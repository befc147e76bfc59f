"""Which addresses are of the public internet. Everything that is not certainly so is not.

Source: the special-purpose registries of IANA (RFC 6890 and its updates), read as an allow-list for IPv6.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address

NOT_PUBLIC_4 = tuple(
    map(
        ip_network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
            "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
            "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        ),
    )
)  # fmt: skip
FROM_INSIDE = IPv4Address("168.63.129.16")
"""Public by its number, and answered by the host of a virtual machine: the platform of Azure, which hands out what the
machine was given to start with. Other clouds have theirs in the networks above.
Source: learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16"""
UNICAST_6 = IPv6Network("2000::/3")
"""All that has been given out of IPv6."""
NOT_PUBLIC_6 = tuple(map(ip_network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
"""Within it: protocols and Teredo, documentation, and 6to4, which wraps an IPv4 address."""
NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address):
        inner = unwrapped(address)
        if isinstance(inner, IPv6Address):
            return inner in UNICAST_6 and not any(inner in network for network in NOT_PUBLIC_6)
        address = inner
    return address != FROM_INSIDE and not any(address in network for network in NOT_PUBLIC_4)


def unwrapped(address: Address) -> Address:
    """The IPv4 address that is meant by ::ffff:a.b.c.d, or behind a translator by 64:ff9b::a.b.c.d."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in NAT64 else address


def reachable(text: str, networks: Sequence[str] = ()) -> bool:
    """Whether a connection to the address may be made: a public one, or one of the networks named."""
    address = ip_address(text)
    return is_public(address) or any(unwrapped(address) in ip_network(network) for network in networks)
