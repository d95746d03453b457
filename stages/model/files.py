"""A fine-tuned model on disk: tensors as safetensors, everything else as JSON beside them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field, FiniteFloat, TypeAdapter, ValidationError
from safetensors.torch import load, save
from torch import Tensor

from stages.base.errors import UserError
from stages.base.files import sha256_bytes, write_bytes, write_json
from stages.model.classifier import Classifier, build_classifier
from stages.model.model_params import LossName, ModelParams
from stages.model.weights import not_finite

_TENSORS_FILE = "model.safetensors"
_CARD_FILE = "model.json"
_FORMAT = "finetrack model 3"
_REMEDY = "copy the whole folder again, or make the model anew: make repro"
_Side = Annotated[int, Field(ge=1, le=2**16)]
_Channels = tuple[FiniteFloat, FiniteFloat, FiniteFloat]


@dataclass(frozen=True, kw_only=True)
class ModelCard:
    """Model card, the content of model.json: what a model predicts, what it takes, its training.

    The file also holds the format, the mean and standard deviation that the model has itself, and
    checksums of the tensors and of the rest of the file.
    """

    params: ModelParams
    class_names: Annotated[list[str], Field(min_length=1)]  # `vocab` in the file, as in fastai
    size: _Side  # side of the images, pixels
    loss: LossName
    presize: _Side  # shorter side of the presized photos, pixels
    base_lr: float
    seed: int
    device: str  # cpu or cuda
    precision: str  # float32, bfloat16 or float16
    threads: int
    processes: int
    torch: str  # its version
    renderer: str = ""  # numba, triton or torch; in older files it is not
    kernels: str = "same"  # or any or compiled; older files do not say, and all are of same
    processor: str = ""  # kind of processor or GPU that made it; in older files it is not

    def to_json(self) -> dict[str, Any]:
        """Return the content under the names and in the order of the file."""
        names = [field.name for field in fields(self)][2:]
        others = {name: getattr(self, name) for name in names}
        return {**self.params.model_dump(), "vocab": self.class_names, **others}


@dataclass(frozen=True, kw_only=True)
class _CardFile:
    """What a model.json says, apart from its format and its own checksum."""

    card: ModelCard
    mean: _Channels
    std: _Channels
    tensors_sha256: str


_CARD_FILE_TYPE = TypeAdapter(_CardFile)


def save_model(folder: Path, model: Classifier, card: ModelCard) -> None:
    """Write the tensors, without metadata (its order is random), and the model's card."""
    tensors = {name: t.detach().cpu().contiguous() for name, t in model.state_dict().items()}
    content = save(tensors)
    normalization = {"mean": list(model.mean), "std": list(model.std)}
    facts = {"format": _FORMAT, **card.to_json(), **normalization}
    facts["tensors_sha256"] = sha256_bytes(content)
    write_bytes(folder / _TENSORS_FILE, content)
    write_json(folder / _CARD_FILE, {**facts, "card_sha256": _card_checksum(facts)})


def load_model(folder: Path) -> tuple[Classifier, ModelCard]:
    """Return a saved model, ready to predict, and its card.

    A folder that is not as it was saved is a UserError that names the file and what to do.
    """
    facts = _read_facts(folder / _CARD_FILE)
    file = _card_file(folder / _CARD_FILE, facts)
    tensors = _read_tensors(folder / _TENSORS_FILE, file.tensors_sha256)
    card = file.card
    # The saved tensors replace all weights, so weights of a hub or a file need not be there.
    weights = "package" if card.params.weights == "package" else "none"
    params = card.params.model_copy(update={"weights": weights})
    try:
        model = build_classifier(params, len(card.class_names), seed=0, size=card.size)
        model.load_state_dict(tensors)
    except (UserError, RuntimeError) as error:
        line = " ".join(str(error).removeprefix("params.yaml: ").split())[:160]
        raise UserError(
            f"{folder / _CARD_FILE}: the network that it describes cannot take the tensors beside "
            f"it with the timm and torchvision installed here ({line}); install requirements.txt "
            "of the commit that made the model, or make it anew: make repro"
        ) from None
    model.mean = file.mean
    model.std = file.std
    return model.eval().to(memory_format=torch.channels_last), card


def _read_facts(path: Path) -> dict[str, Any]:
    """Return the content of a model.json of this format that nobody has changed."""
    if not path.is_file():
        raise UserError(f"there is no model in {path.parent}; make one: make repro")
    try:
        facts = json.loads(path.read_bytes())
    except ValueError as error:
        raise UserError(f"{path} is no JSON ({error}); {_REMEDY}") from None
    found = facts.get("format") if isinstance(facts, dict) else None
    if found != _FORMAT:
        raise UserError(
            f"{path} is of another format ({str(found)[:40]!r}, not {_FORMAT!r}); make the model "
            "anew: make repro"
        )
    content = {name: value for name, value in facts.items() if name != "card_sha256"}
    if facts.get("card_sha256") != _card_checksum(content):
        raise UserError(
            f"{path} was changed after the model was saved, its classes (vocab) or another line: "
            f"its card_sha256 differs; {_REMEDY}"
        )
    return content


def _card_file(path: Path, facts: Mapping[str, Any]) -> _CardFile:
    """Return the content of a model.json as values of the right types."""
    names = {field.name for field in fields(ModelCard)} - {"params", "class_names"}
    card: dict[str, Any] = {name: facts[name] for name in names if name in facts}
    card["params"] = {name: facts[name] for name in ModelParams.model_fields if name in facts}
    if "vocab" in facts:
        card["class_names"] = facts["vocab"]
    rest = {name: facts[name] for name in ("mean", "std", "tensors_sha256") if name in facts}
    try:
        return _CARD_FILE_TYPE.validate_json(json.dumps({"card": card, **rest}), strict=True)
    except ValidationError as error:
        lines = [_mistake(detail) for detail in error.errors()]
        raise UserError(f"{path} says nothing usable of {'; '.join(lines)}; {_REMEDY}") from None


def _mistake(detail: Mapping[str, Any]) -> str:
    """Return the name of a value in model.json and what is wrong with it."""
    name = ".".join(str(part) for part in detail["loc"] if part not in ("card", "params"))
    message = detail["msg"].removeprefix("Value error, ")
    return f"{name.replace('class_names', 'vocab')} ({message[0].lower()}{message[1:]})"


def _read_tensors(path: Path, checksum: str) -> dict[str, Tensor]:
    """Return the tensors of a file that has this SHA-256, all of them finite."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; {_REMEDY}") from None
    if sha256_bytes(content) != checksum:
        raise UserError(
            f"{path} is damaged or of another model: its SHA-256 is not the tensors_sha256 of "
            f"{_CARD_FILE}; {_REMEDY}"
        )
    try:
        tensors: dict[str, Tensor] = load(content)
    except Exception as error:
        raise UserError(f"{path} holds no tensors ({error}); {_REMEDY}") from None
    if names := not_finite(tensors):
        raise UserError(
            f"{path} holds NaN or infinity in {len(names)} of {len(tensors)} tensors, such as "
            f"{names[0]}: its training diverged; train with a smaller fine_tune.base_lr"
        )
    return tensors


def _card_checksum(facts: Mapping[str, Any]) -> str:
    """Return the SHA-256 of what a model.json holds, however its lines are laid out."""
    return sha256_bytes(json.dumps(facts, sort_keys=True).encode())
