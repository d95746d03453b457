"""The text for a pull request: the page's facts, small, with names that stay names."""

import re
from dataclasses import replace

import numpy as np
import pytest

from stages.page.leaks import leak_sentences
from stages.page.markdown import report_markdown
from stages.page.markdown_escape import CODE_SPAN_LENGTH, code_span
from stages.stats.interpret_params import InterpretParams
from stages.stats.interpretation import Interpretation
from stages.stats.metrics_record import TrialRecord, Verdict
from tests.example_results import RECIPE, STRANGE_LABELS
from tests.page.example_page import example_inputs, example_interpretation
from tests.page.github_markdown import Rendered

COUNTS = {"train": 320, "valid": 80}
LONG_LISTS = InterpretParams(top_losses=12, most_confused=30, suspects=40)


def interpretation(labels: list[str], right: float = 0.8) -> Interpretation:
    """Return the interpretation of 400 images with names that Markdown could misread."""
    paths = np.array([f"a|b`{number}`.jpg" for number in range(400)])
    return example_interpretation(*example_inputs(labels, paths, right), LONG_LISTS)


def test_it_has_what_the_page_has_first() -> None:
    """Headline with both intervals, verdict, confused pairs and label issues, and never long."""
    result = interpretation([f"kind {number}" for number in range(20)])
    text = report_markdown(result, COUNTS, "abc123", [])
    rate = result.metrics["error_rate"]
    assert rate["value"] is not None
    assert text.startswith("## Fine-tuning is better than the linear probe: ")
    assert f"{100 * rate['value']:.1f} % error ({100 * rate['low']:.1f} to" in text
    assert f"| {code_span(result.label_issues['path'][0], in_table=True)} |" in text
    pair = result.most_confused.iloc[0]
    assert f"| {pair['count']} of {pair['of']} |" in text
    assert "| Among the first five |" in text
    assert "Data: 320 train, 80 valid; fingerprint `abc123`." in text
    assert "and 30 more on the page." in text
    assert len(text) < 6000


def test_what_next_is_a_list() -> None:
    """Each step is an item with its figure and interval; without any the text says so."""
    result = interpretation(["a", "b"])
    text = report_markdown(result, COUNTS, "abc", [])
    assert re.search(r"- \*\*Twice the photos\*\*: [\d.]+ % \([\d.]+ to [\d.]+\)\. On the", text)
    assert text.count("- **") == 6
    nothing = report_markdown(replace(result, what_next=None), COUNTS, "abc", [])
    assert "### What next\n\nNothing is known." in nothing


def test_a_leak_stands_below_the_verdict() -> None:
    """Why the error may be too small is a paragraph, with names that Markdown leaves alone."""
    findings = [{"leak": ""}, {"leak": "one_group trains"}, {}]
    text = report_markdown(interpretation(["a", "b"]), COUNTS, "abc", leak_sentences(findings))
    assert "\n\nThe error may be too small, since `one_group` trains; `reports/" in text


def test_what_corrections_changed_stands_below_the_verdict() -> None:
    """The note is a paragraph of its own before the scores; without one there is no gap."""
    result = interpretation(["a", "b"])
    noted = report_markdown(result, COUNTS, "abc", ["Corrections changed 2 labels."])
    assert "\n\nCorrections changed 2 labels.\n\n| " in noted
    assert noted.replace("Corrections changed 2 labels.\n\n", "") == report_markdown(
        result, COUNTS, "abc", []
    )


def test_unequal_classes_have_a_row_of_mean_recall() -> None:
    """The row stands there only where class sizes differ fivefold."""
    result = interpretation(["a", "b"])
    assert "| Macro recall |" not in report_markdown(result, COUNTS, "abc", [])
    unequal = replace(result, metrics={**result.metrics, "unequal_classes": True})
    assert "| Macro recall |" in report_markdown(unequal, COUNTS, "abc", [])


def test_a_model_that_is_always_right_has_no_confused_pairs() -> None:
    """Instead of an empty table stands a sentence."""
    text = report_markdown(interpretation(["a", "b"], 3.0), COUNTS, "abc", [])
    assert "No class was taken for another." in text


def test_few_classes_have_no_score_of_the_first_five() -> None:
    """With fewer than 20 classes the first five are nearly always right: the row is left out."""
    text = report_markdown(interpretation([f"kind {n}" for n in range(19)]), COUNTS, "abc", [])
    assert "Among the first five" not in text
    assert "| Accuracy |" in text


def test_names_are_code() -> None:
    """Every row of a table has as many cells as its header, whatever the names."""
    text = report_markdown(interpretation(STRANGE_LABELS), COUNTS, "abc", [])
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 4 for row in rows)
    assert not re.search(r"(?<!`)<script>", text)
    assert "x" * CODE_SPAN_LENGTH not in text


def test_nothing_in_it_acts_on_github() -> None:
    """Rendered, no name of a class or a photo is a link, a picture, a mention or another cell."""
    labels = ["a``![x](http://evil.example/x.png)", "b``@someone #12", "www.evil.example | c"]
    page = Rendered(report_markdown(interpretation(labels), COUNTS, "abc", []))
    assert page.live == []
    assert page.tags.count("td") == 3 * (page.tags.count("tr") - page.tags.count("thead"))


def test_a_model_that_is_the_probe_has_the_trial_for_a_verdict() -> None:
    """Where the trial was worse, the text says so, and does not compare the probe with itself."""
    trial = TrialRecord(images=67, errors=10, probe_errors=1, epochs=3, p=0.012, verdict="worse")
    text = report_markdown(
        interpretation(["a", "b"]).with_training(RECIPE, trial), COUNTS, "abc", []
    )
    assert text.startswith("## The model is the linear probe")
    assert "fine-tuning erred on 10 of these, and the probe on 1." in text
    assert "McNemar" not in text


@pytest.mark.parametrize("verdict", ["worse", "better"])
def test_by_folds_the_verdict_says_who_judged(verdict: Verdict) -> None:
    """Every image was judged by models that did not see its fold, and no trial is named."""
    trial = TrialRecord(images=67, errors=10, probe_errors=1, epochs=3, p=0.012, verdict=verdict)
    result = interpretation(["a", "b"]).with_training(RECIPE, trial)
    by_folds = replace(result, metrics={**result.metrics, "folds": 5})
    text = report_markdown(by_folds, COUNTS, "abc", [])
    worse = "Of 67 images, models fine-tuned without their fold erred on 10, and the probes on 1."
    assert (worse in text) == (verdict == "worse")
    assert ("images, each by models that did not see its fold" in text) == (verdict == "better")
    assert "n a trial" not in text


@pytest.mark.parametrize("folds", [False, True])
def test_a_trial_on_groups_names_them(folds: bool) -> None:
    """Beside its images the text says of how many groups they are."""
    trial = TrialRecord(
        images=67, groups=8, errors=10, probe_errors=1, epochs=3, p=0.012, verdict="worse"
    )
    result = interpretation(["a", "b"]).with_training(RECIPE, trial)
    if folds:
        result = replace(result, metrics={**result.metrics, "folds": 5})
    text = report_markdown(result, COUNTS, "abc", [])
    first = (
        "Of 67 images of 8 groups, models fine-tuned"
        if folds
        else ("In a trial without 67 of the training images, of 8 groups, fine-tuning erred on 10")
    )
    assert first in text
