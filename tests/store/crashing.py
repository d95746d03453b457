"""Encoders that die of some photos or take their time, for the tests of what that leaves."""

import os
import signal
from pathlib import Path
from time import sleep

from stages.images.encode import Encoded, encode
from stages.images.resize import PresizeParams

CRASH = b"crash"
KILL = b"kill"
MEMORY = b"memory"
BUG = b"bug"


def encode_or_die(content: bytes, params: PresizeParams) -> Encoded:
    """Presize a photo; the word that ends its bytes may say how the process ends instead."""
    if content.endswith(CRASH):
        os.kill(os.getpid(), signal.SIGSEGV)
    if content.endswith(KILL):
        os.kill(os.getpid(), signal.SIGKILL)
    if content.endswith(MEMORY):
        raise MemoryError
    if content.endswith(BUG):
        raise ZeroDivisionError("division by zero")
    return encode(content, params)


def encode_or_be_killed_once(content: bytes, params: PresizeParams) -> Encoded:
    """Presize a photo; one whose bytes end in the path of no file makes it and is killed then."""
    _, marker, path = content.partition(KILL)
    if marker and not Path(os.fsdecode(path)).exists():
        Path(os.fsdecode(path)).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return encode(content, params)


def encode_slowly(content: bytes, params: PresizeParams) -> Encoded:
    """Presize a photo in no less than a tenth of a second."""
    sleep(0.1)
    return encode(content, params)
