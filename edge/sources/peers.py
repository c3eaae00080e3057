"""Network addresses: the socket that a source listens at, and who may send to it."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from functools import lru_cache

from edge.service.source_address import SourceSyntaxError
from edge.sources.events import SourceOpenError

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LOOPBACK = (ipaddress.IPv4Network("127.0.0.0/8"), ipaddress.IPv6Network("::1/128"))


@dataclass(frozen=True)
class PeerList:
    """Networks whose members may send; by default this machine alone, since neither protocol has a password."""

    networks: tuple[Network, ...] = LOOPBACK

    @classmethod
    def parse(cls, items: list[str]) -> PeerList:
        """Read addresses and networks (``192.168.1.7``, ``10.0.0.0/8``, ``fd00::/8``); none gives the default.

        Raises
        ------
        SourceSyntaxError
            One that is neither.
        """
        networks = []
        for item in items:
            try:
                networks.append(ipaddress.ip_network(item))
            except ValueError as error:
                raise SourceSyntaxError(
                    f"allow={item}: {error}; expected an address such as 192.168.1.7, "
                    "or a network such as 192.168.1.0/24"
                ) from error
        return cls(tuple(networks)) if networks else cls()

    def allows(self, host: str) -> bool:
        """Whether an address, as a socket gives it, may send."""
        return _is_in(host, self.networks)

    def refusal(self, host: str) -> str:
        """Return why an address was turned away, and how to let it in."""
        allowed = ", ".join(map(str, self.networks))
        return f"{host} is not allowed to send here (allowed: {allowed}); to let it in, add allow={host} to the source"


@lru_cache(maxsize=256)
def _is_in(host: str, networks: tuple[Network, ...]) -> bool:
    # Cached, since each of 50 packets a second asks for one of few senders.
    # A link-local address comes with its interface: fe80::1%eth0.
    address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks)


def open_socket(source: str, host: str, port: int, kind: socket.SocketKind) -> socket.socket:
    """Open a socket at ``host`` (empty for every IPv4 address of this machine) and ``port`` (0 for any free one).

    One for TCP listens already: of two that bind a port at once, only the second to listen is refused.

    Raises
    ------
    SourceOpenError
        No such address here, a port that is taken, or one that needs rights.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, kind)
    try:
        if kind == socket.SOCK_STREAM:
            # A server that was restarted would otherwise wait a minute for its own old connections.
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.setblocking(False)
        opened.bind((host, port))
        if kind == socket.SOCK_STREAM:
            opened.listen()
    except OSError as error:
        opened.close()
        raise SourceOpenError(
            f"{source}: cannot listen at port {port} of {host or 'every address'} ({error.strerror or error}); "
            "stop the program that has the port, or choose another port or an address of this machine"
        ) from error
    return opened
