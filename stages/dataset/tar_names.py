"""Tar names: tars that are written get theirs, all of them or none, also of a run that was killed.

A tar is written as .photos-000000.tar.part. To name several takes several steps, between which a
process may be killed: which name each is to have stands in a plan until all have theirs.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from stages.base.errors import UserError
from stages.base.parts import write_whole
from stages.base.system_errors import unreadable, unwritable

PART = ".photos-*.tar.part"  # git and DVC pass over names that end so
_NUMBER = re.compile(r"photos-(\d{6,})\.tar")
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


def finish_names(out: Path) -> list[Path]:
    """Give the names that a killed run did not come to; return all its tars, none without one.

    The lock of the folder is held. UserError where the plan cannot be read or carried out.
    """
    plan = out / _PLAN
    try:
        names = _read_plan(plan)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise unreadable(plan, error) from None
    try:
        for part, tar in names.items():
            if (out / part).exists():
                (out / part).rename(out / tar)
        plan.unlink()
    except OSError as error:
        raise unwritable(out, error) from None
    return [out / tar for tar in names.values() if (out / tar).exists()]


def _read_plan(plan: Path) -> Mapping[str, str]:
    try:
        names = json.loads(plan.read_bytes())
    except ValueError:
        names = None
    if isinstance(names, dict) and all(_NUMBER.fullmatch(str(tar)) for tar in names.values()):
        return names
    raise UserError(
        f"{plan} is damaged, in which a make pack that was killed had the names of its tars; remove"
        f" it and the tars in {plan.parent} that are new, and run make pack again"
    )
