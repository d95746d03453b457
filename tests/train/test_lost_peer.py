"""Lost peers: which failures of an exchange mean that another process has ended."""

import pytest

from stages.train.lost_peer import is_lost_peer
from tests.train.test_distributed import ANOTHER, REMOTE


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("[pair.cc:547] Connection closed by peer [127.0.0.1]:20451", True),
        ("read: Connection reset by peer", True),
        ("sendBytes failed: Broken pipe", True),
        ("store->get('0') got error: Failed to recv, got 0 bytes.", True),
        (REMOTE, True),
        (ANOTHER, False),
        ("CUDA error: an illegal memory access was encountered", False),
        ("", False),
    ],
)
def test_a_lost_peer_is_known_by_words(text: str, lost: bool) -> None:
    """Those of gloo, NCCL and the store count; a fault of this process's own GPU does not."""
    assert is_lost_peer(RuntimeError(text)) == lost
