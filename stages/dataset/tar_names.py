"""Tar names: tars that are written get theirs, all of them or none, also of a run that was killed.

A tar is written as .photos-000000.tar.part. To name several takes several steps, between which a
process may be killed: which name each is to have stands in a plan until all have theirs.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from stages.base.errors import UserError
from stages.base.parts import write_whole
from stages.base.system_errors import unreadable, unwritable
from stages.dataset.system_names import is_system_name

PART = ".photos-*.tar.part"  # git and DVC pass over names that end so
_NUMBER = re.compile(r"photos-(\d{6,})\.tar", re.ASCII)
_NUMBERED_PART = re.compile(r"\.photos-\d{6,}\.tar\.part", re.ASCII)
_PLAN = ".photos-names.part"


def name_tars(parts: Sequence[Path], out: Path) -> list[Path]:
    """Give the parts in a folder their names, the numbers behind those that are there.

    Where one cannot be named none is: the next run would refuse the photos of those that are.
    """
    numbers = [int(name[1]) for file in out.iterdir() if (name := _NUMBER.fullmatch(file.name))]
    first = max(numbers, default=-1) + 1
    tars = [out / f"photos-{first + number:06}.tar" for number in range(len(parts))]
    names = {part.name: tar.name for part, tar in zip(parts, tars, strict=True)}
    named: list[Path] = []
    try:
        write_whole(out / _PLAN, json.dumps(names).encode(), durable=True)
        for part, tar in zip(parts, tars, strict=True):
            named.append(tar)
            part.rename(tar)
    except BaseException:
        for tar in named:
            tar.unlink(missing_ok=True)
        (out / _PLAN).unlink(missing_ok=True)
        raise
    (out / _PLAN).unlink()
    return tars


def lacks_names(out: Path) -> bool:
    """Return whether a run is naming the tars of a folder, or was killed while it did."""
    return (out / _PLAN).exists()


def folder_without_names(root: Path) -> Path | None:
    """Return the first folder, a folder or one below it, that lacks names; None where none does.

    Hidden folders are left out, of which no tar is read.
    """
    for folder, folders, files in os.walk(root):
        if _PLAN in files:
            return Path(folder)
        folders[:] = sorted(name for name in folders if not is_system_name(name.lower()))
    return None


def finish_names(out: Path) -> list[Path]:
    """Give the names that a killed run did not come to; return all its tars, none without one.

    The lock of the folder is held. UserError where the plan cannot be read or carried out, before
    any file is moved.
    """
    plan = out / _PLAN
    try:
        names = _read_plan(plan)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise unreadable(plan, error) from None
    unnamed = {out / part: out / tar for part, tar in names.items() if os.path.lexists(out / part)}
    for part, tar in unnamed.items():
        _refuse_other(part, tar)
    try:
        for part, tar in unnamed.items():
            part.rename(tar)
        plan.unlink()
    except OSError as error:
        raise unwritable(out, error) from None
    return [out / tar for tar in names.values() if (out / tar).exists()]


def _read_plan(plan: Path) -> Mapping[str, str]:
    """Return the names of tars by their parts; UserError for anything else, which is not trusted.

    Whoever sends a folder may have written the plan in it: it moves parts of that folder alone.
    """
    try:
        names = json.loads(plan.read_bytes())
    except ValueError:
        names = None
    if (
        isinstance(names, dict)
        and all(_NUMBERED_PART.fullmatch(part) for part in names)
        and all(_NUMBER.fullmatch(str(tar)) for tar in names.values())
        and len(set(names.values())) == len(names)
    ):
        return names
    raise UserError(
        f"{plan} is damaged, in which a make pack that was killed had the names of its tars; remove"
        " it, and run make pack again"
    )


def _refuse_other(part: Path, tar: Path) -> None:
    """Refuse to name a part that make pack did not write, and to name one over what is there."""
    if part.is_symlink() or not part.is_file():
        raise UserError(
            f"{part} is no file, as make pack had written it; remove it, and run make pack again"
        )
    if os.path.lexists(tar):
        raise UserError(
            f"{tar} is there, and a make pack that was killed was to give {part.name} this name;"
            " move one of them to another folder, and run make pack again"
        )
