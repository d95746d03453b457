"""What the page shows: the interpretation, beside the reports of the stages before it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import pandas as pd

from stages.base.correction_actions import DECIDE_LABEL, KEEP, rows_in_force
from stages.base.csv_file import read_text_csv
from stages.base.errors import UserError
from stages.base.fingerprint import fingerprint
from stages.base.params import YamlValue
from stages.base.plural import count_noun
from stages.page.confusion_figure import ConfusionFigure, confusion_figures
from stages.page.correction_note import correction_note
from stages.page.formatting import learning_rate
from stages.page.leaks import leak_sentences
from stages.page.next_steps import NextStep, next_steps
from stages.page.review import ReviewData, review_data
from stages.page.thumbnails import overlays, sheet_uri, thumbnails
from stages.page.training_figures import history_figure, lr_finder_figure
from stages.page.trust_figures import TrustFigures, trust_figures
from stages.stats.interpretation import Interpretation
from stages.stats.predictions import Baseline
from stages.stats.training_diagnosis import diagnose_training

_SHEET_WIDTH = 1400  # pixels
_SHEET_CAPTIONS = (
    "The first training batch as the model sees it",
    "One image as validation and the coming epochs see it",
    "Photos resampled once, or once per operation",
)


class CheckFinding(TypedDict):
    """One finding of datablock's checks."""

    severity: str
    message: str
    paths: list[str]
    leak: str  # why the error in validation may look too small; "" where it does not


class DatablockSummary(TypedDict):
    """What the page reads of reports/datablock/summary.json."""

    counts: dict[str, int]  # images by side of the split, and classes
    findings: list[CheckFinding]


class LearningRateSuggestion(TypedDict):
    """What the page reads of reports/lr_find/suggestion.json."""

    rules: dict[str, float | None]  # rule -> learning rate
    reason: str | None  # why the curve gives no answer


class ModelFacts(TypedDict):
    """What the page reads by name of data/model/model.json; its provenance lists every key."""

    base_lr: float


@dataclass(frozen=True, kw_only=True)
class Reports:
    """The reports of the stages before interpret."""

    summary: DatablockSummary
    sheets: Sequence[Path]  # pictures that datablock drew, one for each of _SHEET_CAPTIONS
    problems: Mapping[str, pd.DataFrame]  # name of the file -> its rows: path, problem, detail
    corrections: pd.DataFrame  # ingest's corrections.csv: each row and what became of it
    suggestion: LearningRateSuggestion
    curve: pd.DataFrame  # of lr_find, without rows where the sweep was skipped
    history: pd.DataFrame  # of fine_tune
    model: ModelFacts
    params: Mapping[str, YamlValue]  # params.yaml
    versions: Mapping[str, str]  # of the packages that stages import

    @property
    def decided(self) -> list[str]:
        """Return the photos whose label a person decided."""
        return rows_in_force(self.corrections, DECIDE_LABEL)["path"].tolist()


@dataclass(frozen=True, kw_only=True)
class Page:
    """Everything that the page shows."""

    result: Interpretation
    reports: Reports
    data_key: str  # fingerprint of the images and their labels
    correction_note: str  # what corrections changed in validation; "" where nothing
    review: ReviewData
    examples: Sequence[Sequence[str]]  # paths for each pair of confused classes
    thumbnails: Mapping[str, str]  # path -> data URI, of every picture that a section shows
    overlays: Mapping[str, str]  # path -> data URI of the saliency overlay; {} without maps
    confusion: Sequence[ConfusionFigure]
    trust: TrustFigures
    sheets: Mapping[str, str]  # caption -> data URI
    lr_finder: str | None  # svg, None where the sweep was skipped
    rate: str  # which learning rate was taken, and why, where the sweep was skipped
    history: str | None  # svg, None without training
    diagnosis: Sequence[str]  # what the losses say about the length of training
    next_steps: Sequence[NextStep]  # none where nothing of it was computed

    @cached_property
    def image_numbers(self) -> Mapping[str, int]:
        """Return the index of each image in the review's data, by path."""
        return {image["path"]: index for index, image in enumerate(self.review["images"])}

    @property
    def decided_labels(self) -> str:
        """Return how many labels a person decided, which are no label issues; "" where none is."""
        decided = self.reports.decided
        if not decided:
            return ""
        confirmed = len(rows_in_force(self.reports.corrections, [KEEP]))
        labels = count_noun(len(decided), "label")
        are = "is" if len(decided) == 1 else "are"
        return f"{labels} that a person decided, {confirmed:,} confirmed, {are} not listed."

    @property
    def leaks(self) -> list[str]:
        """Return why the error may look too small, a sentence each."""
        return leak_sentences(self.reports.summary["findings"])

    @property
    def notes(self) -> list[str]:
        """Return what stands below the verdict: leaks, and what corrections changed."""
        return [*self.leaks, *filter(None, [self.correction_note])]

    @property
    def provenance(self) -> Mapping[str, Mapping[str, object]]:
        """Return what the model was made from, under titles."""
        return {
            "Data and model": {"data": self.data_key, **self.reports.model},
            "Params": self.reports.params,
            "Packages": self.reports.versions,
        }


def compose_page(
    result: Interpretation,
    reports: Reports,
    hashes: pd.DataFrame,
    baseline: Baseline,
    saliency_maps: Mapping[str, np.ndarray],
    read_image: Callable[[str], np.ndarray],
) -> Page:
    """Return the page.

    hashes: path, sha256 of every image. saliency_maps: path -> (h, w) float32, as in Predictions.
    read_image: path -> (H, W, 3) uint8.
    """
    key = data_key(hashes, baseline)
    mistakes = [*result.top_losses["path"], *result.confident_mistakes["path"]]
    class_names = result.class_metrics["label"].to_numpy()
    sheets = zip(_SHEET_CAPTIONS, reports.sheets, strict=True)
    return Page(
        result=result,
        reports=reports,
        data_key=key,
        correction_note=correction_note(reports.corrections, baseline.valid_paths),
        review=review_data(result, hashes, reports.corrections, key),
        examples=result.confused_examples(),
        thumbnails=thumbnails(result.picture_paths(), read_image),
        overlays=overlays(mistakes, saliency_maps, read_image),
        confusion=confusion_figures(class_names, result.confusion_matrix),
        trust=trust_figures(result),
        sheets={caption: sheet_uri(path, _SHEET_WIDTH) for caption, path in sheets},
        lr_finder=_lr_finder(reports),
        rate=_named_rate(reports.params, reports.model["base_lr"]),
        history=None if reports.history.empty else history_figure(reports.history),
        diagnosis=diagnose_training(reports.history),
        next_steps=next_steps(result.what_next) if result.what_next else [],
    )


def _lr_finder(reports: Reports) -> str | None:
    if reports.curve.empty:
        return None
    return lr_finder_figure(reports.curve, reports.suggestion["rules"], reports.model["base_lr"])


def _named_rate(params: Mapping[str, YamlValue], rate: float) -> str:
    """Return the sentence about a learning rate for which no sweep was made.

    >>> _named_rate({"fine_tune": {"base_lr": 0.003}}, 0.003).partition(";")[0]
    'The learning rate is 0.003, which fine_tune.base_lr of params.yaml names'
    """
    section = params.get("fine_tune")
    asked = section.get("base_lr") if isinstance(section, Mapping) else None
    why = (
        "which fine_tune.base_lr of params.yaml names"
        if isinstance(asked, int | float)
        else "which fine_tune.base_lr: auto takes for such photos"
    )
    return (
        f"The learning rate is {learning_rate(rate)}, {why}; fine_tune.base_lr: find looks for one"
        " by a sweep, whose curve then stands here."
    )


def read_json(path: Path | str, *required: str) -> Any:
    """Return the content of a JSON file; the caller names its type.

    A UserError names the file that is missing, is no JSON, or is no object with the keys required.
    """
    remedy = "dvc repro makes it anew"
    try:
        content = json.loads(Path(path).read_bytes())
    except FileNotFoundError:
        raise UserError(f"{path} is missing; dvc repro makes it") from None
    except ValueError as error:
        raise UserError(f"{path} is no JSON ({error}); {remedy}") from None
    keys = content if isinstance(content, dict) else {}
    if absent := [key for key in required if key not in keys]:
        raise UserError(f"{path} lacks {', '.join(absent)}; {remedy}")
    return content


def read_report_table(path: Path | str, *required: str, text: bool = True) -> pd.DataFrame:
    """Return a CSV that another stage wrote; a UserError names it and what is wrong.

    required: columns that it must have. text: whether cells stay text, or numbers become numbers.
    """
    try:
        table = read_text_csv(Path(path)) if text else pd.read_csv(path)
    except FileNotFoundError:
        raise UserError(f"{path} is missing; dvc repro makes it") from None
    except (ValueError, OverflowError) as error:  # pandas' own errors among them
        reason = " ".join(str(error).split())[:120]
        raise UserError(f"{path} cannot be read ({reason}); dvc repro makes it anew") from None
    if absent := [column for column in required if column not in table.columns]:
        raise UserError(f"{path} lacks {', '.join(absent)}; dvc repro makes it anew")
    return table


def data_key(hashes: pd.DataFrame, baseline: Baseline) -> str:
    """Return a fingerprint of all images and their labels, the same in any order of the rows."""
    labels = baseline.class_names[baseline.targets].tolist()
    contents = sorted(hashes[["path", "sha256"]].itertuples(index=False, name=None))
    return fingerprint(contents, sorted(zip(baseline.paths.tolist(), labels, strict=True)))
