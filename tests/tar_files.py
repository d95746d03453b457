"""Tars for tests: with members of every kind, well made or not."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path


def member(name: str, **facts: object) -> tarfile.TarInfo:
    """Return the header of a member, a file unless its type is another."""
    info = tarfile.TarInfo(name)
    for key, value in facts.items():
        setattr(info, key, value)
    return info


def write_tar(
    tar: Path,
    files: Mapping[str, bytes],
    *others: tarfile.TarInfo,
    tar_format: int = tarfile.USTAR_FORMAT,
) -> Path:
    """Write a tar of files, and behind them of members without content."""
    tar.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(tar, "w", format=tar_format) as opened:
        for name, content in files.items():
            opened.addfile(member(name, size=len(content)), io.BytesIO(content))
        for other in others:
            opened.addfile(other)
    return tar


def write_folder(root: Path, files: Mapping[str, bytes]) -> Path:
    """Write files into a folder."""
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root
