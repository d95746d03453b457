"""Checksum: of the bytes that the presized store has, which its reader and its writer compute."""

import zlib


def checksum(content: bytes | memoryview) -> str:
    """Return the CRC-32 of some bytes, as 8 hex digits.

    >>> checksum(b"presized")
    '19d3e4a1'
    """
    return f"{zlib.crc32(content):08x}"
