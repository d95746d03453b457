"""The checksum is the CRC-32 that other programs compute."""

import gzip

from stages.store.checksum import checksum


def test_it_is_that_of_gzip() -> None:
    """Eight hex digits, those in the trailer of a gzip file, of bytes and of a view of them."""
    for content in (b"", b"presized", bytes(range(256)) * 100):
        trailer = gzip.compress(content)[-8:-4]
        assert checksum(content) == f"{int.from_bytes(trailer, 'little'):08x}"
        assert checksum(memoryview(content)) == checksum(content)
    assert checksum(b"") == "00000000"
