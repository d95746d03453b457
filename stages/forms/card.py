"""The model card, README.md in the form of the Hugging Face hub: numbers, and how to use it."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stages.forms import photo_pixels
from stages.forms.onnx_file import OPSET
from stages.forms.parity import Parity
from stages.model.classifier import Classifier
from stages.model.files import ModelCard
from stages.page.formatting import (
    SPACE,
    groups_sentence,
    interval_ends,
    p_is,
    paired_test,
    percent,
    probability,
    thousands,
)
from stages.page.markdown_escape import code_span
from stages.stats.confidence import Confidence
from stages.stats.effective_images import share_interval
from stages.stats.image_groups import some_groups
from stages.stats.mcnemar import PairedComparison
from stages.stats.metrics import confusion
from stages.stats.metrics_record import IntervalRecord, Metrics
from stages.stats.mistakes import most_confused
from stages.stats.outcomes import outcomes_table
from stages.stats.predictions import Predictions
from stages.stats.probability_blocks import most_probable

_CONFUSED_PAIRS = 10
_CLASS_ROWS = 200  # of a longer list the classes with the highest error rates
_TEMPLATE = "templates/card.jinja"


@dataclass(frozen=True, kw_only=True)
class Form:
    """A form of the model that was written, and how far its answers are from Finetrack's."""

    file: str
    size: int  # bytes
    presized: Parity  # on validation photos from the store
    originals: Parity | None  # on the same photos as they came; None where none could be read

    def agreement(self) -> str:
        """Return how far its answers are from Finetrack's."""
        same = self.presized.images - self.presized.other_classes
        return (
            f"the same class on {same} of {self.presized.images} photos, "
            f"within {self.presized.largest:.1e}"
        )


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What was written, None where it was not asked for or cannot be."""

    onnx: Form | None
    int8: Form | None
    int8_test: PairedComparison | None  # 8 bits against 32
    timm: Form | None
    not_timm: str  # why there is no folder for timm, "" where there is one

    def forms(self) -> list[Form]:
        """Return the forms that there are."""
        return [form for form in (self.onnx, self.int8, self.timm) if form]


@dataclass(frozen=True, kw_only=True)
class ClassRow:
    """A class in numbers; its errors are of the validation images of that class."""

    name: str
    train: int
    valid: int
    errors: int
    rate: IntervalRecord


def render_card(
    model: Classifier,
    card: ModelCard,
    metrics: Metrics,
    confidence: Confidence,
    predictions: Predictions,
    exported: Exported,
) -> str:
    """Return README.md; every number in it is measured, and every name a code span."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent, encoding="utf-8"),
        autoescape=False,  # noqa: S701 - Markdown; names of people's are code spans
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "percent": percent,
        "probability": probability,
        "thousands": thousands,
        "ends": interval_ends,
        "p_is": p_is,
        "paired_test": paired_test,
        "groups_sentence": groups_sentence,
        "name": lambda name: code_span(name, in_table=True),
        "megabytes": lambda size: f"{size / 1e6:.1f} MB",
        "rounded_up": rounded_up,
    }
    rows = class_rows(predictions)
    text = environment.get_template(_TEMPLATE).render(
        card=card,
        licence=weights_licence(model, card),
        metrics=metrics,
        confidence=confidence,
        rows=sorted(rows, key=lambda row: -(row.rate["value"] or 0))[:_CLASS_ROWS],
        classes=len(rows),
        confused=list(confused_pairs(predictions)),
        train=len(predictions.train_paths),
        exported=exported,
        opset=OPSET,
        photo_pixels=inspect.getsource(photo_pixels).partition('"""\n\n')[2].strip(),
    )
    return text.replace(SPACE, " ")


def rounded_up(value: float) -> str:
    """Return a small number rounded up to one digit, so that it stays a bound.

    >>> rounded_up(1.49e-6), rounded_up(0.0857), rounded_up(0.0)
    ('2e-06', '0.09', '0')
    """
    if value == 0:
        return "0"
    step = 10.0 ** np.floor(np.log10(value))
    return f"{np.ceil(value / step) * step:.1g}"


def weights_licence(model: Classifier, card: ModelCard) -> str:
    """Return the licence of the weights that training started with, "" where it is not known."""
    network = getattr(model.body, "network", model.body)
    source: Mapping[str, str] = getattr(network, "pretrained_cfg", None) or {}
    published = card.params.weights in ("package", "hub")
    return source.get("license") or "" if published else ""


def class_rows(predictions: Predictions) -> list[ClassRow]:
    """Return the numbers of every class, in the order of the model."""
    names: Sequence[str] = predictions.class_names.tolist()
    train = np.bincount(predictions.train_targets, minlength=len(names))
    matrix = _confusion(predictions)
    wrong = most_probable(predictions.pred_probs) != predictions.targets

    def error_rate(number: int) -> IntervalRecord:
        rows = predictions.targets == number
        return share_interval(wrong[rows], some_groups(predictions.groups, rows)).as_dict()

    return [
        ClassRow(
            name=name,
            train=int(train[number]),
            valid=int(row.sum()),
            errors=int(row.sum() - row[number]),
            rate=error_rate(number),
        )
        for number, (name, row) in enumerate(zip(names, matrix, strict=True))
    ]


def confused_pairs(predictions: Predictions) -> Iterator[tuple[str, str, int, int]]:
    """Yield the classes that are confused most: actual, predicted, images, of how many."""
    outcomes = outcomes_table(predictions)
    matrix = _confusion(predictions)
    pairs = most_confused(predictions.class_names, matrix, outcomes, _CONFUSED_PAIRS)
    for pair in pairs.to_dict("records"):
        yield pair["actual"], pair["predicted"], pair["count"], pair["of"]


def _confusion(predictions: Predictions) -> np.ndarray:
    predicted = most_probable(predictions.pred_probs)
    return confusion(predictions.targets, predicted, len(predictions.class_names))
