"""The page of an evaluation: one file that needs no network, in the form of the report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from stages.evaluate.counted import CountedPhotos, conflicting_pictures
from stages.evaluate.judged_photo import JudgedPhoto
from stages.evaluate.record import EvaluationMetrics
from stages.evaluate.scores import confusion_with_refusals
from stages.evaluate.twins import Twins
from stages.evaluate.words import (
    NO_PHOTO_COUNTS,
    PROPERTY_NAMES,
    SAME_DISTRIBUTION,
    left_out,
    mix_words,
    property_value,
    shift_words,
    validation_sentence,
)
from stages.images.picture import Pixels
from stages.labels.problem import Problem
from stages.page.confusion_figure import ConfusionFigure, confusion_figures
from stages.page.html import page_environment, read_page_script
from stages.page.jinja_environment import stylesheet
from stages.page.thumbnails import thumbnails
from stages.page.trust_figures import reliability_figure
from stages.predict.answer import NONE_OF_THESE
from stages.stats.calibration import reliability_table

_TEMPLATE = "templates/evaluation.html"
_SCRIPT = "templates/tables.js"
_LISTED = 40  # rows of a list of files
_ROWS = "Rows of the table"


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A wrong answer on the page."""

    path: str
    label: str
    predicted: str
    most_probable: str  # of the class, where predicted is "none of these"
    confidence: float  # of the most probable class
    p_label: float


@dataclass(frozen=True, kw_only=True)
class FileList:
    """Files of which the page shows the first."""

    title: str
    lines: Sequence[str]
    in_table: bool = True  # whether predictions.csv has them all


@dataclass(frozen=True, kw_only=True)
class EvaluationPage:
    """Everything that the page shows."""

    metrics: EvaluationMetrics
    mistakes: Sequence[Mistake]
    confusion: Sequence[ConfusionFigure]
    reliability: str | None  # svg, None without a photo that counts
    lists: Sequence[FileList]
    thumbnails: Mapping[str, str]  # path -> data URI
    # What the report's macros look for besides: it has a review and saliency maps.
    image_numbers: Mapping[str, int] = field(default_factory=dict)
    overlays: Mapping[str, str] = field(default_factory=dict)


def worst_mistakes(photos: CountedPhotos, class_names: Sequence[str], count: int) -> list[Mistake]:
    """Return the wrong answers with the least probability of the label, ties by path."""
    names = [*class_names, NONE_OF_THESE]
    wrong = np.flatnonzero(~photos.right)
    order = sorted(wrong, key=lambda row: (photos.p_label[row], photos.paths[row]))
    return [
        Mistake(
            path=str(photos.paths[row]),
            label=names[photos.targets[row]],
            predicted=names[photos.predicted[row]],
            most_probable=names[photos.most_probable[row]],
            confidence=float(photos.confidence[row]),
            p_label=float(photos.p_label[row]),
        )
        for row in order[:count]
    ]


def evaluation_page(
    metrics: EvaluationMetrics,
    photos: CountedPhotos,
    class_names: Sequence[str],
    mistakes: Sequence[Mistake],
    lists: Sequence[FileList],
    pictures: Mapping[str, Pixels],
) -> EvaluationPage:
    """Return the page; pictures: the pixels of those mistakes that can still be read."""
    right = photos.most_probable == photos.targets
    return EvaluationPage(
        metrics=metrics,
        mistakes=mistakes,
        confusion=_confusion(photos, class_names),
        reliability=(
            reliability_figure(reliability_table(photos.confidence, right)) if len(right) else None
        ),
        lists=lists,
        thumbnails=thumbnails(list(pictures), pictures.__getitem__),
    )


def file_lists(
    judged: Sequence[JudgedPhoto],
    unlabelled: Sequence[Problem],
    row_problems: Sequence[Problem],
    twins: Twins,
) -> list[FileList]:
    """Return the files that do not count, by reason, and the rows of a table without a photo."""
    in_conflict = conflicting_pictures(judged, twins)
    lines: dict[str, list[str]] = {
        "Not readable": [f"{one.path}: {one.problem}" for one in judged if one.problem],
        "Trained on": _seen(twins, "training"),
        "Validated on": _seen(twins, "validation"),
        "The same picture as another": [
            f"{path}: as {first}" for path, first in twins.picture.items() if path != first
        ],
        "One picture under several labels": [
            f"{one.path}: {one.label}"
            for one in judged
            if not one.problem and twins.picture[one.path] in in_conflict
        ],
        "Without a label": [str(problem) for problem in unlabelled],
        _ROWS: [str(problem) for problem in row_problems],
    }
    return [
        FileList(title=title, lines=texts, in_table=title != _ROWS)
        for title, texts in lines.items()
        if texts
    ]


def _seen(twins: Twins, side: str) -> list[str]:
    return [path for path, seen in twins.seen.items() if seen == side]


def render_evaluation(page: EvaluationPage) -> str:
    """Return the page as HTML; the same content gives the same text."""
    environment = page_environment(Path(__file__).parent)
    environment.filters |= {
        "left_out": left_out,
        "mix_words": mix_words,
        "property_value": property_value,
        "validation_sentence": validation_sentence,
    }
    text = environment.get_template(_TEMPLATE).render(
        page=page,
        metrics=page.metrics,
        property_names=PROPERTY_NAMES,
        same_distribution=SAME_DISTRIBUTION,
        no_photo_counts=NO_PHOTO_COUNTS,
        shift_words=shift_words,
        none_of_these=NONE_OF_THESE,
        style=stylesheet(),
        scripts=[read_page_script(_SCRIPT)],
        listed=_LISTED,
    )
    return text.strip() + "\n"


def _confusion(photos: CountedPhotos, class_names: Sequence[str]) -> list[ConfusionFigure]:
    """Return the figures of the classes that occur, as a label or as an answer."""
    matrix = confusion_with_refusals(photos, len(class_names))
    occur = np.flatnonzero(matrix.sum(axis=0) + matrix.sum(axis=1))
    if not len(occur):
        return []
    names = np.array([*class_names, NONE_OF_THESE], dtype=str)
    return confusion_figures(names[occur], matrix[np.ix_(occur, occur)])


def shown_pictures(
    mistakes: Sequence[Mistake], image: Callable[[str], Pixels | None]
) -> dict[str, Pixels]:
    """Return the pixels of the mistakes whose photos can still be read."""
    found = ((mistake.path, image(mistake.path)) for mistake in mistakes)
    return {path: pixels for path, pixels in found if pixels is not None}
