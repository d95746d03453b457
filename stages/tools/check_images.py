"""The folder of photos that params.yaml names: whether it can be read, and DVC leaves it alone."""

import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from dvc.fs import known_implementations

from stages.base.bucket import is_bucket_url
from stages.base.errors import UserError
from stages.base.file_names import refuse_locale
from stages.base.provider import provider_of
from stages.base.storage import SCHEMES
from stages.base.yaml_file import read_yaml
from stages.tools.checked_out import tracked_path
from stages.tools.remote_plugins import missing_package
from stages.tools.tracked import normal_path
from stages.tools.unhashable import unhashable_lines

_PIPELINE = Path("dvc.yaml")
SAMPLE = "data/sample"  # where fetch puts what it makes
_NOT_FOR_DVC = ("file", "local", "memory")  # DVC 3.67.1 takes file://a for a folder named file:


def images_mistakes(images: str, dataset: str, outputs: list[str]) -> Iterator[str]:
    """Yield what is wrong with the folder of photos; a UserError where names cannot be read."""
    refuse_locale(images)
    if is_bucket_url(images):
        yield from _bucket_mistakes(images)
        return
    folder = normal_path(images)
    overlap = [out for out in outputs if is_inside(folder, out) or is_inside(out, folder)]
    if folder == SAMPLE:
        if dataset == "none":
            yield (
                f"ingest.images: {SAMPLE} stays empty with fetch.dataset: none;"
                " please name the folder of your photos, such as data/photos"
            )
    elif overlap:
        yield (
            f"ingest.images: {images} overlaps {overlap[0]}, which the pipeline makes, and DVC"
            " deletes what it makes before each run; keep photos elsewhere, such as data/photos"
        )
    elif not Path(images).is_dir():
        yield f"ingest.images: {images} {_why_no_folder(images)}"
    elif not any(files for _, _, files in os.walk(images)):
        yield (
            f"ingest.images: {images} holds no file; please put your photos there, not links to"
            " folders, which DVC does not enter"
        )
    else:
        yield from unhashable_lines("ingest.images", images)


def _why_no_folder(images: str) -> str:
    """Return what is in the place of the folder of photos, with the remedy."""
    if Path(images).exists():
        return "is no folder; please name the folder that holds your photos"
    if tracked := tracked_path(images):
        target = shlex.quote(tracked)
        return (
            f"is not here; `dvc checkout {target}` brings it from DVC's cache, `dvc pull {target}`"
            " from a remote"
        )
    return "does not exist; please name the folder that holds your photos"


def _bucket_mistakes(images: str) -> Iterator[str]:
    """Yield why DVC or fsspec cannot look into a bucket; whether it answers, its listing shows."""
    scheme = images.split("://", maxsplit=1)[0]
    ours = scheme in SCHEMES
    provider = provider_of(images)
    if provider and scheme != provider.scheme:
        there = images.replace(scheme, provider.scheme, 1)
        yield f"ingest.images: {images}: DVC reaches it by another scheme; write {there}"
    elif ours and (package := missing_package(scheme)):
        yield f"ingest.images: {images} needs {package}, which is missing; pip install {package}"
    elif not ours or scheme not in known_implementations or scheme in _NOT_FOR_DVC:
        yield (
            f"ingest.images: {images}: DVC and Finetrack do not both reach {scheme}://; name a"
            " folder of this machine by its path from here, such as ../photos, or a bucket, as in"
            " s3://birds"
        )


def outputs_of(pipeline: Mapping[str, Any]) -> list[str]:
    """Return the path of everything that the stages of a dvc.yaml write."""
    entries = [
        entry
        for stage in pipeline["stages"].values()
        for kind in ("outs", "metrics", "plots")
        for entry in stage.get(kind, [])
    ]
    return [path for entry in entries for path in ([entry] if isinstance(entry, str) else entry)]


def refuse_output(folder: Path) -> None:
    """Stop where DVC would delete what a command writes, with the output that it lies in."""
    path = normal_path(str(folder))
    for output in outputs_of(read_yaml(_PIPELINE)):
        if is_inside(path, output):
            raise UserError(
                f"--out {folder} is in {output}, which the pipeline makes and DVC deletes; name"
                " another --out"
            )


def is_inside(path: str, folder: str) -> bool:
    """Return whether a path is a folder or lies in it."""
    return PurePosixPath(path).is_relative_to(folder)
