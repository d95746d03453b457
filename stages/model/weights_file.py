"""A file of weights: its tensors by name, read without running any code that the file names."""

import re
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Self

import torch
from safetensors.torch import load_file as load_safetensors
from torch import Tensor

from stages.base.errors import UserError
from stages.model.weights_name import WEIGHTS_FOLDER, is_file_name

_REMEDY = (
    "where it was made, save its tensors alone: torch.save(model.state_dict(), 'w.pth'), "
    "with fastai's learn.model as the model"
)
# Files of training have at most about five dictionaries inside one another.
_MAX_DEPTH = 20
# torch's refusal to fill an object that is no dict or list itself, with the stand-in's name.
_REFUSED_CONTAINER = re.compile(r"Can only (SETITEM|append|extend).*?<class 'inert\.(.*?)'>")


class _Inert:
    """Stands in for an object that a checkpoint holds beside its tensors, and does nothing.

    A checkpoint names classes and functions, such as argparse's Namespace in timm's or fastcore's L
    in fastai's, and a pickle would call them. Here each is a subclass of this, with its name.
    """

    def __new__(cls, *_args: object, **_kwargs: object) -> Self:
        return super().__new__(cls)

    def __init__(self, *_args: object, **_kwargs: object) -> None:
        pass

    def __setstate__(self, _state: object) -> None:
        pass


class _InertDict(_Inert):
    """Stands in for a subclass of dict, as defaultdict or yacs' CfgNode.

    torch fills no dictionaries but its own kinds, of which OrderedDict takes attributes too.
    """

    def __new__(cls, *_args: object, **_kwargs: object) -> Any:
        return OrderedDict()


class _InertList(_Inert):
    """Stands in for a subclass of list; torch refuses one with attributes of its own."""

    def __new__(cls, *_args: object, **_kwargs: object) -> Any:
        return []


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors in a .safetensors or .pth file by name.

    Those of dictionaries inside dictionaries have the keys joined by dots, as `model.fc.weight`.
    A file that cannot be read, or that holds no tensor by name, is a UserError.
    """
    if not path.is_file():
        raise UserError(_absent(path))
    if path.stat().st_size == 0:
        raise UserError(f"model.weights: {path} is empty; download or copy it again")
    objects: list[str] = []
    try:
        if path.suffix == ".safetensors":
            return dict(load_safetensors(path))
        objects = _objects_named(path)
        content = _content(path, objects)
    except UnpicklingError as error:  # its text advises to run the code
        named = [name for name in objects if name in str(error)] or objects
        what = f"it holds objects that cannot be passed over, {_few(named)}"
        if not objects:
            what = "it is a pickle that is not read here, no checkpoint, or damaged"
        raise UserError(
            f"model.weights: {path} cannot be read as weights: {what}; {_REMEDY}"
        ) from None
    except Exception as error:
        raise UserError(
            f"model.weights: {path} cannot be read as weights "
            f"({' '.join(str(error).split())[:80]}); give a .safetensors or a .pth of tensors"
        ) from None
    tensors = dict(_flat(content, path))
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


def _content(path: Path, objects: list[str]) -> object:
    """Return what a checkpoint holds, with a stand-in for each of the objects.

    Which of them are subclasses of dict or list shows only when torch refuses to fill the stand-in:
    then the file is read again, once more for each such class.
    """
    kinds: dict[str, type[_Inert]] = dict.fromkeys(["argparse.Namespace", *objects], _Inert)
    while True:
        stand_ins: list[Any] = [
            (type(name, (kind,), {"__module__": "inert"}), name) for name, kind in kinds.items()
        ]
        try:
            with torch.serialization.safe_globals(stand_ins):
                return torch.load(path, map_location="cpu", weights_only=True)
        except UnpicklingError as error:
            refused = _REFUSED_CONTAINER.search(str(error))
            if refused is None or kinds.get(refused[2]) is not _Inert:
                raise
            kinds[refused[2]] = _InertDict if refused[1] == "SETITEM" else _InertList


def _flat(content: object, path: Path) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors in nested dictionaries, with the keys joined by dots.

    A dictionary in several places counts at the first, so that one inside itself ends too.
    """
    met: set[int] = set()
    waiting: list[tuple[tuple[str, ...], object]] = [((), content)]
    while waiting:
        keys, value = waiting.pop()
        if isinstance(value, Tensor) and keys:
            yield ".".join(keys), value.detach()
        elif isinstance(value, dict) and id(value) not in met:
            if len(keys) > _MAX_DEPTH:
                raise UserError(
                    f"model.weights: {path} holds dictionaries inside one another, more than "
                    f"{_MAX_DEPTH} levels deep; {_REMEDY}"
                )
            met.add(id(value))
            # Of dict itself: attributes of an OrderedDict come from the file and may hide items.
            inside = [
                ((*keys, str(key)), inner)
                for key, inner in dict.items(value)
                if isinstance(key, str | int)
            ]
            waiting.extend(reversed(inside))


def _few(names: list[str]) -> str:
    """Return the first three names.

    >>> _few(["a", "b", "c", "d"])
    'a, b, c, ...'
    """
    return ", ".join([*names[:3], *(["..."] if len(names) > 3 else [])])


def _absent(path: Path) -> str:
    if path.is_dir():
        return f"model.weights: {path} is a folder; name a file in it"
    files = (file for file in WEIGHTS_FOLDER.rglob("*") if file.is_file() and file.suffix != ".dvc")
    inside = (file.relative_to(WEIGHTS_FOLDER).as_posix() for file in files)
    names = sorted(name for name in inside if is_file_name(name) and name != ".gitignore")
    there = f", which holds {_few(names)}" if names else ""
    return (
        f"model.weights: there is no file {path}; put or link it in {WEIGHTS_FOLDER}{there}; "
        "or choose package, hub or none"
    )
