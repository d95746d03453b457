"""Results of an evaluation: the content of every file that it writes, from the judged photos."""

from collections.abc import Sequence
from dataclasses import dataclass

from stages.evaluate.comparison_with_validation import compare_with_validation
from stages.evaluate.counted import count_photos
from stages.evaluate.judged_photo import JudgedPhoto
from stages.evaluate.known_photos import KnownPhotos, UnknownPhotos
from stages.evaluate.labelled_photos import LabelledPhotos
from stages.evaluate.page import (
    evaluation_page,
    file_lists,
    render_evaluation,
    shown_pictures,
    worst_mistakes,
)
from stages.evaluate.predictions_table import predictions_table
from stages.evaluate.record import EvaluationMetrics
from stages.evaluate.scores import (
    evaluation_metrics,
    with_comparison,
    with_rows_without_photo,
)
from stages.evaluate.second_look import SecondLook
from stages.evaluate.twins import find_twins
from stages.predict.opened_model import OpenedModel


@dataclass(frozen=True, kw_only=True)
class EvaluationResults:
    """The content of metrics.json, predictions.csv and index.html."""

    metrics: EvaluationMetrics
    table: str
    page: str


@dataclass(frozen=True, kw_only=True)
class EvaluationLimits:
    """How much of the results is shown, and the seed of their intervals."""

    top: int  # classes in a row of the table
    mistakes: int  # pictures
    seed: int


def evaluation_results(
    photos: LabelledPhotos,
    judged: Sequence[JudgedPhoto],
    model: OpenedModel,
    known: KnownPhotos | UnknownPhotos,
    limits: EvaluationLimits,
) -> EvaluationResults:
    """Return the results; a few photos are read a second time, to compare and to show them."""
    names = list(model.classifier.class_names)
    trust = model.trust
    look = SecondLook(photos.sources, model.classifier.presize)
    told = known if isinstance(known, KnownPhotos) else None
    seen_known = told is not None
    twins = find_twins(judged, told, look.pixels)
    not_labelled = len(photos.unlabelled)
    counted = count_photos(judged, twins, names, not_labelled=not_labelled, seen_known=seen_known)
    compared = None
    if told:
        may_refuse = model.classifier.may_refuse
        compared = compare_with_validation(counted, told, trust.temperature, may_refuse=may_refuse)
    scores = evaluation_metrics(counted, names, trust.temperature, trust.threshold, limits.seed)
    metrics = with_comparison(
        with_rows_without_photo(scores, photos.rows_without_photo),
        compared,
        known.reason if isinstance(known, UnknownPhotos) else "",
    )
    mistakes = worst_mistakes(counted, names, limits.mistakes)
    lists = file_lists(judged, photos.unlabelled, photos.row_problems, twins)
    pictures = shown_pictures(mistakes, look.picture)
    page = evaluation_page(metrics, counted, names, mistakes, lists, pictures)
    table = predictions_table(
        judged, photos.unlabelled, twins, top=limits.top, seen_known=seen_known
    )
    return EvaluationResults(metrics=metrics, table=table, page=render_evaluation(page))
