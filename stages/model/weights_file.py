"""A file of weights: its tensors by name, read without running any code that the file names."""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from pickle import UnpicklingError
from typing import Any, Self

import torch
from safetensors.torch import load_file as load_safetensors
from torch import Tensor

from stages.base.errors import UserError

WEIGHTS_FOLDER = Path("data/weights")
# Values of model.weights that name no file of somebody's. Each is a small file in WEIGHTS_FOLDER
# nevertheless, since stages depend on data/weights/${model.weights}.
_NO_FILES = ("package", "hub", "none")
_REMEDY = (
    "where it was made, save its tensors alone: torch.save(model.state_dict(), 'w.pth'), "
    "with fastai's learn.model as the model"
)


class _Inert:
    """Stands in for every object that a checkpoint holds beside its tensors.

    A checkpoint names classes, such as argparse's Namespace in timm's or fastcore's L in fastai's,
    and a pickle would call them. Here they are all this class, which does nothing.
    """

    def __new__(cls, *_args: object, **_kwargs: object) -> Self:
        return super().__new__(cls)

    def __init__(self, *_args: object, **_kwargs: object) -> None:
        pass

    def __setstate__(self, _state: object) -> None:
        pass


def is_file_name(weights: str) -> bool:
    """Return whether a value of model.weights is the name of a file in WEIGHTS_FOLDER."""
    return weights not in _NO_FILES


def refuse_other_places(weights: str) -> str:
    """Return a value of model.weights; ValueError for a path that leads out of WEIGHTS_FOLDER.

    dvc.yaml names the file by this value, so that other content of it reruns the stages.
    """
    path = PurePosixPath(weights)
    folder = WEIGHTS_FOLDER.as_posix()
    inside = path.parts and not path.is_absolute() and ".." not in path.parts
    if inside and str(path) == weights and "\\" not in weights and not path.is_relative_to(folder):
        return weights
    name = PureWindowsPath(weights).name or "its name"
    if inside and path.is_relative_to(folder) and path != PurePosixPath(folder):
        name = str(path.relative_to(folder))
        raise ValueError(f"{weights} would be {folder}/{weights}; write {name}")
    raise ValueError(
        f"{weights} is not the name of a file in {folder}; put or link the file there and write "
        f"{name}"
    )


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors in a .safetensors or .pth file by name.

    Those of dictionaries inside dictionaries have the keys joined by dots, as `model.fc.weight`.
    A file that cannot be read, or that holds no tensor by name, is a UserError.
    """
    if not path.is_file():
        raise UserError(_absent(path))
    objects: list[str] = []
    try:
        if path.suffix == ".safetensors":
            return dict(load_safetensors(path))
        objects = _objects_named(path)
        stand_ins: list[Any] = [(_Inert, name) for name in {"argparse.Namespace", *objects}]
        with torch.serialization.safe_globals(stand_ins):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError:  # its text advises to run the code
        what = f"it takes code, {_few(objects)}" if objects else "it is no checkpoint, or damaged"
        raise UserError(
            f"model.weights: {path} cannot be read as weights: {what}; {_REMEDY}"
        ) from None
    except Exception as error:
        raise UserError(
            f"model.weights: {path} cannot be read as weights "
            f"({' '.join(str(error).split())[:80]}); give a .safetensors or a .pth of tensors"
        ) from None
    tensors = dict(_flat(content))
    if not tensors:
        inside = f", but code, {_few(objects)}" if objects else ""
        raise UserError(f"model.weights: {path} holds no tensor by name{inside}; {_REMEDY}")
    return tensors


def _objects_named(path: Path) -> list[str]:
    """Return the classes and functions that a checkpoint names and torch alone would refuse.

    In the format before torch 1.6, which is no zip, they are not known before it is read.
    """
    try:
        return sorted(torch.serialization.get_unsafe_globals_in_checkpoint(str(path)))
    except ValueError:
        return []


def _flat(content: object, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors in nested dictionaries, with the keys joined by dots."""
    if isinstance(content, Tensor):
        if prefix:
            yield prefix, content.detach()
    elif isinstance(content, Mapping):
        for key, value in content.items():
            yield from _flat(value, f"{prefix}.{key}" if prefix else str(key))


def _few(names: list[str]) -> str:
    """Return the first three names.

    >>> _few(["a", "b", "c", "d"])
    'a, b, c, ...'
    """
    return ", ".join([*names[:3], *(["..."] if len(names) > 3 else [])])


def _absent(path: Path) -> str:
    if path.is_dir():
        return f"model.weights: {path} is a folder; name a file in it"
    others = {WEIGHTS_FOLDER / name for name in (*_NO_FILES, ".gitignore")}
    files = (file for file in WEIGHTS_FOLDER.rglob("*") if file.is_file() and file not in others)
    names = sorted(
        file.relative_to(WEIGHTS_FOLDER).as_posix() for file in files if file.suffix != ".dvc"
    )
    there = f", which holds {_few(names)}" if names else ""
    return (
        f"model.weights: there is no file {path}; put or link it in {WEIGHTS_FOLDER}{there}; "
        "or choose package, hub or none"
    )
