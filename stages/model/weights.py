"""Weights: tensors of a file put into a network, and refused where they do not fit."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from stages.base.errors import UserError
from stages.model.weights_file import read_tensors

Tensors = Mapping[str, Tensor]
# From tensors in a file to those of the network, by the network's names; raises ValueError.
Translate = Callable[[Tensors], Tensors]
# Averaged weights, which validate better, are taken where a file has others too, as timm does.
_AVERAGED = re.compile(r"(^|[._])(ema|teacher)[._]")


def load_weights(network: nn.Module, path: Path, translate: Translate | None = None) -> None:
    """Load a file into a network; other tensors in it, as of a head or an optimizer, stay out.

    What stands before the names, as `state_dict.module.`, is found by comparing them with the
    network's. Half-precision tensors become float32. Tensors that are missing, misshapen or not
    finite are a UserError. translate: for names or shapes that are not the network's.
    """
    saved = read_tensors(path)
    needed = network.state_dict()
    tensors: Tensors = _part(saved, {name: name for name in needed}, path)
    if _misfits(tensors, needed):
        tensors = _other_layout(saved, network, path, translate) or tensors
    if _misfits(tensors, needed):
        raise UserError(f"model.weights: {path} {_misfit_text(tensors, saved, needed)}")
    if names := not_finite(tensors):
        raise UserError(
            f"model.weights: {path} holds NaN or infinity in {len(names)} of {len(tensors)} "
            f"tensors, such as {names[0]}: the training that made it diverged; take an earlier "
            "checkpoint"
        )
    network.load_state_dict(tensors, strict=False)


def load_in_order(network: nn.Module, saved: Tensors) -> None:
    """Load tensors whose names differ but whose order and shapes are those of the network."""
    needed = network.state_dict()
    shapes = [tensor.shape for tensor in saved.values()]
    if shapes != [tensor.shape for tensor in needed.values()]:
        raise UserError("model.weights: the package does not fit; install requirements.txt")
    network.load_state_dict(dict(zip(needed, saved.values(), strict=True)))


def not_finite(tensors: Tensors) -> list[str]:
    """Return the names of tensors that hold NaN or infinity."""
    return [name for name, tensor in tensors.items() if not torch.isfinite(tensor).all()]


def _other_layout(
    saved: Tensors, network: nn.Module, path: Path, translate: Translate | None
) -> Tensors | None:
    """Return the tensors from the layout of fastai, or translated; None where neither fits."""
    needed = network.state_dict()
    numbered = _part(saved, _numbered(network), path)
    if not _misfits(numbered, needed):
        return numbered
    if translate is None:
        return None
    try:
        translated = translate({name: value for name, value in saved.items() if _is_plain(value)})
    except ValueError:
        return None
    return None if _misfits(translated, needed) else translated


def _numbered(network: nn.Module) -> dict[str, str]:
    """Return fastai's name of each tensor -> its name: children are numbers, as in `4.0.bn1.bias`.

    fastai's vision_learner takes the children of a network into an nn.Sequential.
    """
    numbers = {name: number for number, (name, _) in enumerate(network.named_children())}
    parts = ((name, *name.partition(".")[::2]) for name in network.state_dict())
    return {f"{numbers[child]}.{rest}": name for name, child, rest in parts if child in numbers}


def _part(saved: Tensors, names: Mapping[str, str], path: Path) -> dict[str, Tensor]:
    """Return the tensors under the prefix with the most of some names, by what the names become.

    The numbers of batches do not count, since averaged weights often lack them.
    names: name in the file, without its prefix -> name in the network. Several networks in one
    file, of which none is the average of the others and no two are equal, are a UserError.
    """
    weights = {name for name in names if not _is_count(name)}
    counts = Counter(prefix for name in saved for prefix, rest in _splits(name) if rest in weights)
    most = max(counts.values(), default=0)
    parts = {
        prefix: {names[name]: saved[prefix + name] for name in names if prefix + name in saved}
        for prefix in sorted(counts, key=len)
        if counts[prefix] == most
    }
    averaged = [part for prefix, part in parts.items() if _AVERAGED.search(prefix)]
    if len(averaged) == 1:
        return averaged[0]
    if 2 * most > len(weights) and not _all_equal(list(parts.values())):
        raise UserError(
            f"model.weights: {path} holds several networks that fit, "
            f"{' and '.join(prefix.rstrip('.') or 'one without prefix' for prefix in parts)}; "
            "save one of them by itself"
        )
    return max(parts.values(), key=len, default={})


def _splits(name: str) -> Iterable[tuple[str, str]]:
    """Return every way to take a name apart at a dot: the first part with it, and the rest.

    >>> list(_splits("a.b"))
    [('', 'a.b'), ('a.', 'b')]
    """
    parts = name.split(".")
    starts = ("".join(f"{part}." for part in parts[:count]) for count in range(len(parts)))
    return ((start, name.removeprefix(start)) for start in starts)


def _all_equal(parts: list[dict[str, Tensor]]) -> bool:
    """Return whether networks have the same weights; one may lack the numbers of batches."""
    first, *others = (
        {name: tensor for name, tensor in part.items() if not _is_count(name)} for part in parts
    )
    return all(
        first.keys() == other.keys() and all(_equal(first[name], other[name]) for name in first)
        for other in others
    )


def _equal(one: Tensor, other: Tensor) -> bool:
    if not (_is_plain(one) and _is_plain(other)):
        return one is other
    return one.dtype == other.dtype and one.equal(other)


def _is_plain(tensor: Tensor) -> bool:
    """Return whether a tensor has its values, one beside the other: not meta and not sparse."""
    return not tensor.is_meta and tensor.layout == torch.strided


def _is_count(name: str) -> bool:
    """Return whether a tensor is the number of batches of a norm layer, which old files lack."""
    return "num_batches_tracked" in name


def _misfits(tensors: Tensors, needed: Tensors) -> bool:
    return bool(_missing(tensors, needed) or _misshapen(tensors, needed))


def _missing(tensors: Tensors, needed: Tensors) -> list[str]:
    """Return the names that are not there; a number of batches may be missing."""
    return [name for name in needed if name not in tensors and not _is_count(name)]


def _misshapen(tensors: Tensors, needed: Tensors) -> list[str]:
    """Return the names with another shape or layout, or with whole numbers for fractions."""
    return [
        name
        for name, tensor in tensors.items()
        if not _is_plain(tensor)
        or tensor.shape != needed[name].shape
        or tensor.is_floating_point() != needed[name].is_floating_point()
    ]


def _misfit_text(tensors: Tensors, saved: Tensors, needed: Tensors) -> str:
    """Return in what way tensors do not fit, with an example of each, and what the file has."""
    missing = _missing(tensors, needed)
    misshapen = _misshapen(tensors, needed)
    text = f"does not fit model.arch: of {len(needed)} tensors {len(missing)} are missing"
    if missing:
        text += f" (such as {missing[0]}; the file has {', '.join(list(saved)[:2])}, ...)"
    text += f" and {len(misshapen)} have another shape"
    if misshapen:
        name = misshapen[0]
        there, here = _kind(tensors[name]), _kind(needed[name])
        text += f" (such as {name}: {there} in the file, {here} in the network)"
    return text


def _kind(tensor: Tensor) -> str:
    """Return the shape of a tensor, with type and layout where they are not a network's."""
    words = ["x".join(map(str, tensor.shape)) or "one number"]
    if not tensor.is_floating_point():
        words.append(str(tensor.dtype))
    if tensor.layout != torch.strided:
        words.append(str(tensor.layout))
    if tensor.is_meta:
        words.append("without values (meta)")
    return " ".join(words).replace("torch.", "")
