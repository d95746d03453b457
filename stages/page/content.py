"""What the page shows: the interpretation, beside what the stages before it reported."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.base.files import fingerprint
from stages.page.confusion_figure import confusion_figures
from stages.page.figures import finder_figure, history_figure
from stages.page.review import review
from stages.page.thumbnails import overlays, picture, thumbnails
from stages.page.trust_figures import trust_figures
from stages.stats.interpretation import Interpretation
from stages.stats.predictions import Baseline

SHEET = 1400  # pixels, width of a sheet of pictures
SHEETS = (
    "The first training batch as the model sees it",
    "One image as validation and the coming epochs see it",
    "Photos resampled once, or once per operation",
)


@dataclass(frozen=True)
class Reports:
    """What the stages before left."""

    summary: Mapping[str, Any]  # of datablock: counts, findings
    sheets: Sequence[Path]  # pictures that datablock drew, one for each of SHEETS
    problems: Mapping[str, pd.DataFrame]  # file that lists them -> path, problem, detail
    decided: pd.DataFrame  # ingest's corrections.csv: each row and what became of it
    suggestion: Mapping[str, Any]  # of lr_find
    curve: pd.DataFrame  # of lr_find, without rows where the sweep was skipped
    history: pd.DataFrame  # of fine_tune
    model: Mapping[str, Any]  # model.json
    params: Mapping[str, Any]  # params.yaml
    versions: Mapping[str, str]  # of the packages that stages import


@dataclass(frozen=True)
class Page:
    """Everything that the page shows."""

    result: Interpretation
    reports: Reports
    key: str  # fingerprint of the images and their labels
    review: Mapping[str, Any]  # review.review
    examples: Sequence[Sequence[str]]  # paths for each pair of confused classes
    thumbnails: Mapping[str, str]  # path -> data URI, of every picture that a section shows
    overlays: Mapping[str, str]  # path -> data URI of where the model looked; {} if unknown
    confusion: Sequence[tuple[str, str]]  # (caption, svg)
    trust: Mapping[str, str]  # svg of trust_figures by name
    sheets: Mapping[str, str]  # words -> data URI
    finder: str | None  # svg, None where the sweep was skipped
    history: str  # svg

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """Return the place of each image among those that can be decided on, by path."""
        return {image["path"]: place for place, image in enumerate(self.review["images"])}

    @property
    def provenance(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what made the model, under titles."""
        return {
            "Data and model": {"data": self.key, **self.reports.model},
            "Params": self.reports.params,
            "Packages": self.reports.versions,
        }


def compose_page(
    result: Interpretation,
    reports: Reports,
    hashes: pd.DataFrame,
    baseline: Baseline,
    maps: Mapping[str, np.ndarray],
    image: Callable[[str], np.ndarray],
) -> Page:
    """Return the page.

    hashes: path, sha256 of every image. maps: path -> where the model looked, as in Predictions.
    image: path -> (H, W, 3) uint8.
    """
    key, mistakes = data_key(hashes, baseline), [*result.worst["path"], *result.surest["path"]]
    chosen, rules = reports.model["base_lr"], reports.suggestion["rules"]
    return Page(
        result=result,
        reports=reports,
        key=key,
        review=review(result, hashes, reports.decided, key),
        examples=result.examples(),
        thumbnails=thumbnails(result.shown(), image),
        overlays=overlays(mistakes, maps, image),
        confusion=confusion_figures(result.classes["label"].to_numpy(), result.matrix),
        trust=trust_figures(result),
        sheets={w: picture(p, SHEET) for w, p in zip(SHEETS, reports.sheets, strict=True)},
        finder=None if reports.curve.empty else finder_figure(reports.curve, rules, chosen),
        history=history_figure(reports.history),
    )


def read_json(path: Path | str) -> dict[str, Any]:
    """Return the content of a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def read_rows(path: Path | str) -> pd.DataFrame:
    """Return a table whose cells are text, as they stand: a label may well be NA or 007."""
    return pd.read_csv(path, dtype=str, na_filter=False, lineterminator="\n")


def data_key(hashes: pd.DataFrame, baseline: Baseline) -> str:
    """Return a fingerprint of all images and their labels, whatever was made of them."""
    labels = baseline.class_names[baseline.targets].tolist()
    contents = sorted(hashes[["path", "sha256"]].itertuples(index=False, name=None))
    return fingerprint(contents, sorted(zip(baseline.paths.tolist(), labels, strict=True)))
