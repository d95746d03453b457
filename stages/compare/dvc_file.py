"""A .dvc file: what DVC tracks by it, such as the folder of photos that a person added."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stages.base.echo import cut, echo
from stages.base.errors import UserError
from stages.base.yaml_file import parse_yaml

DVC_FILE_SUFFIX = ".dvc"
_MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")
_HASH = "md5"  # of the bytes; DVC 2 wrote none here, and hashed text without its carriage returns


@dataclass(frozen=True, kw_only=True)
class TrackedContent:
    """The content of a file or a folder by which DVC tracks it."""

    md5: str  # with .dir behind that of a folder
    size: int | None  # bytes, of all files together
    files: int | None  # of a folder
    is_import: bool  # it comes from elsewhere, by `dvc import` or `dvc import-url`


class _Out(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)

    path: str
    md5: str = ""
    hash: str = ""
    size: int | None = None
    nfiles: int | None = None


class _DvcFile(BaseModel):
    wdir: str = "."  # the folder of the outputs, from that of the file
    outs: list[_Out] = Field(default_factory=list)
    deps: list[Any] = Field(default_factory=list)


def read_dvc_file(content: bytes | None, path: str, name: str) -> TrackedContent | None:
    """Return what the .dvc file beside a path says of it, None where it says nothing of its md5.

    content: None of a missing file. name: of the file, for the UserError of a damaged one.
    """
    if content is None:
        return None
    try:
        file = _DvcFile.model_validate(parse_yaml(content, name))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        what = f"{cut(where, 120)}: {first['msg']}, not {echo(first['input'])}"
        raise UserError(f"{name}: {what}; dvc add {path} writes a new one") from None
    for out in file.outs:
        beside = PurePosixPath(file.wdir) == PurePosixPath() and out.hash == _HASH
        if beside and out.path == PurePosixPath(path).name and _MD5.fullmatch(out.md5):
            return TrackedContent(
                md5=out.md5, size=out.size, files=out.nfiles, is_import=bool(file.deps)
            )
    return None
