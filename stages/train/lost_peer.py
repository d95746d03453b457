"""Lost peers: the connection to another process that trains too broke, most often by its end."""

import re

from stages.base.errors import UserError

# The words of gloo, of NCCL, and of the store in which processes meet.
_WORDS = re.compile(
    "Connection (closed|reset) by peer|Broken pipe|Connection refused"
    "|ncclRemoteError|remote process exit|failed to recv, got 0 bytes",
    re.IGNORECASE,
)


class LostPeer(UserError):
    """The connection to another process broke: a fault of the machine, wherever it was."""


def is_lost_peer(error: RuntimeError) -> bool:
    """Return whether an exchange failed since another process has ended, or the network.

    NCCL's other errors are of this process, its GPU or its settings.

    >>> is_lost_peer(RuntimeError("[pair.cc:547] Connection closed by peer [127.0.0.1]:20451"))
    True
    """
    return bool(_WORDS.search(str(error)))
