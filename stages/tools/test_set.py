"""Test set: open the images that were set aside, and count that they were opened.

Reads   data/test.csv, data/groups.csv, data/presized/, data/model/, data/predictions.npz,
        dvc.lock, params.yaml
Writes  reports/test/metrics.json, reports/test/openings.csv
Run     make test-set, or python -m stages.tools.test_set

It is no stage: dvc repro never opens the test set, and a figure that is looked at only once is one
that no choice has made look better.
"""

from stages.base.environment import prepare_process

prepare_process()

from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from stages.base.entry_point import run_command
from stages.base.errors import error_list
from stages.base.files import sha256_file, write_json
from stages.base.params import PARAMS, read_seed, read_value
from stages.base.terminal import say
from stages.compare.dvc_lock import read_lock
from stages.compare.git import GitHistory, Revision
from stages.dataset.inseparable import groups_by_path, names_by_path
from stages.dataset.split_files import read_test_set
from stages.model.files import load_model
from stages.page.formatting import SPACE, counted_groups, interval_ends, percent
from stages.predict.finished_run import refuse_other_run, refuse_uncommitted
from stages.predict.model_files import content_of
from stages.predict.openings import Opening, append_opening, next_number, opening_note
from stages.predict.stored_photos import predict_stored
from stages.stats.image_groups import number_groups
from stages.stats.predictions import read_predictions
from stages.stats.sealed_test import SealedScores, score_test_set
from stages.store.reader import Store

_LOCK = "dvc.lock"
_TEST_SET = Path("data/test.csv")
_GROUPS = Path("data/groups.csv")
_CARD = Path("data/model/model.json")
_OPENINGS = Path("reports/test/openings.csv")
_METRICS = Path("reports/test/metrics.json")
# What the stages used and wrote, by which the model here is one that never saw the test set.
_USED = {
    "datablock": ["data/test.csv", "data/splits.csv", "data/groups.csv"],
    "fine_tune": ["data/splits.csv", "data/predictions.npz"],
    "interpret": ["data/predictions.npz", "data/model/model.json"],
}


def main() -> None:
    """Predict the test images, note the opening, and write and print the scores."""
    history = GitHistory(Path.cwd())
    images = read_test_set(_TEST_SET)
    [head] = history.resolve("HEAD")
    refuse_uncommitted(history, head, [str(PARAMS), _LOCK])
    refuse_other_run(history, read_lock(content_of(Path(_LOCK)), _LOCK), _USED)
    present = content_of(_OPENINGS)
    number = next_number(present, history.read(head, str(_OPENINGS)), str(_OPENINGS))

    model, card = load_model(_CARD.parent)
    refuse_unknown_classes(images, card.class_names)
    store = Store(Path("data/presized"))
    batch_size = read_value("fine_tune.batch_size", int)
    targets, pred_probs = predict_stored(model, card, store, images, batch_size)
    group_of = groups_by_path(_GROUPS)
    validation = read_predictions("data/predictions.npz").with_groups(group_of)
    groups = number_groups(images["path"].to_numpy(), names_by_path(images))
    scores = score_test_set(targets, pred_probs, validation, read_seed(), groups)

    append_opening(_OPENINGS, present, opening_of(scores, head))
    note = opening_note(number)
    write_json(_METRICS, {**scores, "opening": number, "note": note})
    say(*lines(scores), f"This is the {note}.", f"Commit {_OPENINGS} and {_METRICS}.")


def refuse_unknown_classes(images: pd.DataFrame, class_names: list[str]) -> None:
    """Raise a UserError where test images have labels that the model does not know."""
    unknown = images[~images["label"].isin(class_names)]
    if len(unknown):
        shown = (unknown["path"] + ": " + unknown["label"]).tolist()
        raise error_list(f"{_TEST_SET} has labels that the model does not know; dvc repro:", shown)


def opening_of(scores: SealedScores, head: Revision) -> Opening:
    """Return the line that notes this opening."""
    rate = scores["error_rate"]
    return Opening(
        commit=head.commit,
        params=sha256_file(PARAMS),
        model=sha256_file(_CARD),
        test_set=sha256_file(_TEST_SET),
        images=scores["images"],
        errors=scores["errors"],
        error_rate=rate["value"] or 0.0,
        low=rate["low"],
        high=rate["high"],
    )


def lines(scores: SealedScores) -> Iterator[str]:
    """Yield the error of the test, that of validation, and the gap between them."""
    for name, part in (("Test", scores), ("Validation", scores["validation"])):
        rate = part["error_rate"]
        share = percent(rate["value"]).replace(SPACE, " ")
        yield (
            f"{name:<11} {share} of {part['images']:,} images wrong "
            f"(95 % interval {interval_ends(rate)} %)"
        )
    if "groups" in scores:
        yield f"Groups      {counted_groups(scores['groups'], scores['images'])}"
    gap = scores["gap"]
    points = f"{100 * (gap['value'] or 0):+.1f}".replace("-", "\N{MINUS SIGN}")
    ends = f"{100 * gap['low']:+.1f} to {100 * gap['high']:+.1f}".replace("-", "\N{MINUS SIGN}")
    tells = "the test is harder" if gap["low"] > 0 else "the test is easier"
    if gap["low"] <= 0 <= gap["high"]:
        tells = "no more than chance may do"
    yield f"Gap         {points} points (95 % interval {ends}): {tells}"


if __name__ == "__main__":
    run_command(main)
