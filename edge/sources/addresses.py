"""Open the socket that a network source listens at."""

from __future__ import annotations

import socket

from edge.sources.errors import SourceOpenError


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
