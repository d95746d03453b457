"""A fine-tuned model on disk: tensors as safetensors, everything else as JSON beside them."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save

from stages.base.errors import UserError
from stages.base.files import write_bytes, write_json
from stages.model.backbones import RGB
from stages.model.classifier import Classifier, ModelParams, build_classifier

TENSORS, FACTS = "model.safetensors", "model.json"
FORMAT = "finetrack model 2"


def save_model(folder: Path, model: Classifier, facts: dict[str, Any]) -> None:
    """Write the tensors, without metadata (its order is random), and the facts about them.

    facts hold at least arch, head, vocab, size and loss.
    """
    tensors = {name: t.detach().cpu().contiguous() for name, t in model.state_dict().items()}
    write_bytes(folder / TENSORS, save(tensors))
    write_json(
        folder / FACTS,
        {"format": FORMAT, **facts, "mean": list(model.mean), "std": list(model.std)},
    )


def load_model(folder: Path) -> tuple[Classifier, dict[str, Any]]:
    """Return a saved model, ready to predict, and the facts about it."""
    if not (folder / FACTS).is_file():
        raise UserError(f"there is no model in {folder}; make one: dvc repro fine_tune")
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    if facts.get("format") != FORMAT:
        raise UserError(f"{folder / FACTS} is of another format; make it anew: dvc repro fine_tune")
    weights = "package" if facts["weights"] == "package" else "none"
    params = ModelParams(arch=facts["arch"], weights=weights, head=facts["head"], cut=facts["cut"])
    model = build_classifier(params, len(facts["vocab"]), seed=0, size=facts["size"])
    model.load_state_dict(load_file(folder / TENSORS))
    model.mean, model.std = _rgb(facts["mean"]), _rgb(facts["std"])
    return model.eval().to(memory_format=torch.channels_last), facts


def _rgb(values: list[float]) -> RGB:
    red, green, blue = values
    return red, green, blue
