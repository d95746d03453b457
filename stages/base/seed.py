"""Stateless randomness: every draw comes from a generator named by what it is for."""

from hashlib import blake2b

import numpy as np


def derive(seed: int, *names: str | int) -> np.random.Generator:
    """Return the generator that belongs to these names, whatever else was drawn before.

    The names and the seed are hashed into a key of Philox, a counter-based generator
    (Salmon et al. 2011), so that nothing has to be saved to draw the same again.

    >>> bool(derive(42, "order", 0).random() == derive(42, "order", 0).random())
    True
    >>> bool(derive(42, "order", 0).random() == derive(42, "order", 1).random())
    False
    """
    return np.random.Generator(np.random.Philox(key=key_of(seed, names)))


def derive_int(seed: int, *names: str | int) -> int:
    """Return a number below 2**63 that belongs to these names, for libraries that take a seed."""
    return key_of(seed, names) >> 65


def key_of(seed: int, names: tuple[str | int, ...]) -> int:
    """Return the key of Philox, below 2**128, that belongs to these names."""
    text = repr((seed, *names)).encode()
    return int.from_bytes(blake2b(text, digest_size=16).digest(), "big")
