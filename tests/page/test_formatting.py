"""Numbers, p-values and the headline as text."""

from typing import get_args

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stages.page.formatting import (
    SPACE,
    VERDICTS,
    headline,
    interval_ends,
    is_probe,
    learning_rate,
    of_groups,
    p_is,
    percent,
    probability,
    pvalue,
    recipe_sentences,
    thousands,
    times,
    trial_images,
)
from stages.stats.metrics_record import IntervalRecord, RecipeRecord, TrialRecord, Verdict
from tests.example_results import RECIPE
from tests.page.example_page import example_inputs, example_interpretation


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0449, "4.5 %"),
        (0, "0.0 %"),
        (1.0, "100.0 %"),
        (np.float64(0.5), "50.0 %"),
        (None, "–"),
        (float("nan"), "–"),
    ],
)
def test_a_share_is_percent_with_one_decimal(share: float | None, text: str) -> None:
    """A share of nothing is a dash, and the sign never stands on a line of its own."""
    assert percent(share) == text.replace(" ", SPACE)


@given(st.floats(0, 1))
@example(0.9995)
def test_a_probability_is_never_certain(p: float) -> None:
    """No probability is written as 0 or 100 percent."""
    text = probability(p)
    assert text not in (percent(0), percent(1))
    assert text.endswith(f"{SPACE}%")


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0, "< 0.1 %"),
        (0.0004999, "< 0.1 %"),
        (0.0006, "0.1 %"),
        (0.9994, "99.9 %"),
        (0.9996, "> 99.9 %"),
        (1.0, "> 99.9 %"),
    ],
)
def test_an_extreme_probability_is_a_bound(p: float, text: str) -> None:
    """Below .05 and above 99.95 percent the text names the bound."""
    assert probability(p) == text.replace(" ", SPACE)


def test_counts_are_words_or_have_commas() -> None:
    """Zero and one time have words of their own; thousands are parted."""
    assert [times(count) for count in (0, 1, 2, 12345)] == [
        "never", "once", "2 times", "12,345 times",
    ]  # fmt: skip
    assert [thousands(number) for number in (0, 999, 1_234_567)] == ["0", "999", "1,234,567"]


def test_the_ends_of_an_interval_are_percent() -> None:
    """Both ends have one decimal, and the sign is left to the text around them."""
    assert interval_ends(IntervalRecord(value=0.5, low=0.0, high=1.0)) == "0.0 to 100.0"


@pytest.mark.parametrize(
    ("rate", "text"), [(0.0023, "0.0023"), (0.00456, "0.0046"), (1.2e-05, "1.2e-05"), (None, "–")]
)
def test_a_learning_rate_has_two_digits(rate: float | None, text: str) -> None:
    """Two significant digits, and a dash where there is none."""
    assert learning_rate(rate) == text


@pytest.mark.parametrize(
    ("p", "text", "sentence"),
    [
        (1.0, "1", "p = 1"),
        (0.2512, "0.25", "p = 0.25"),
        (0.001, "0.001", "p = 0.001"),
        (0.00099, "below 0.001", "p below 0.001"),
        (0.0, "below 0.001", "p below 0.001"),
    ],
)
def test_a_small_p_value_is_a_bound(p: float, text: str, sentence: str) -> None:
    """A p-value has two significant digits, and below one in a thousand only the bound."""
    assert pvalue(p) == text
    assert p_is(p) == sentence


def test_every_verdict_has_a_sentence() -> None:
    """The sentences cover exactly what the paired test may answer."""
    assert list(VERDICTS) == list(get_args(Verdict))


@pytest.mark.parametrize(("right", "verdict"), [(0.9, "better"), (-1.0, "cannot tell")])
def test_the_headline_has_verdict_rates_and_intervals(right: float, verdict: Verdict) -> None:
    """One sentence: the verdict, then both error rates, each with its interval."""
    paths = np.array([f"{number}.jpg" for number in range(300)])
    metrics = example_interpretation(*example_inputs(["a", "b", "c"], paths, right)).metrics
    assert metrics["versus_baseline"]["verdict"] == verdict
    model = metrics["error_rate"]
    probe = metrics["baseline"]["error_rate"]
    assert model["value"] is not None
    assert probe["value"] is not None
    expected = (
        f"{VERDICTS[verdict]}: {100 * model['value']:.1f} % error"
        f" ({100 * model['low']:.1f} to {100 * model['high']:.1f}) against"
        f" {100 * probe['value']:.1f} %"
        f" ({100 * probe['low']:.1f} to {100 * probe['high']:.1f})."
    )
    assert headline(metrics).replace(SPACE, " ") == expected


def test_a_model_that_is_the_probe_says_so_first() -> None:
    """Where a trial of fine-tuning was worse, the headline names the probe and its error."""
    paths = np.array([f"{number}.jpg" for number in range(300)])
    result = example_interpretation(*example_inputs(["a", "b", "c"], paths))
    trial = TrialRecord(images=60, errors=9, probe_errors=1, epochs=3, p=0.02, verdict="worse")
    metrics = result.with_training(RECIPE, trial).metrics
    assert is_probe(metrics)
    model = metrics["error_rate"]
    assert model["value"] is not None
    expected = (
        "The model is the linear probe, as fine-tuning was worse in a trial: "
        f"{100 * model['value']:.1f} % error"
        f" ({100 * model['low']:.1f} to {100 * model['high']:.1f})."
    )
    assert headline(metrics).replace(SPACE, " ") == expected
    trial["verdict"] = "cannot tell"
    assert not is_probe(result.with_training(RECIPE, trial).metrics)
    assert not is_probe(result.metrics)


def test_the_recipe_is_explained_in_two_sentences() -> None:
    """What the probe said of the set, and what was done; for every recipe."""
    text = recipe_sentences(RECIPE).replace(SPACE, " ")
    assert text == (
        "Out of fold, the linear probe errs on 12.3 % of the training images (45.6 % by the"
        " features that know strokes), so training started from the probe. The model sees 224"
        " pixels through the whole efficientnet_lite2, and the last 50% of its layers learned"
        " for 3 epochs and were averaged with their start; params.yaml can set each of these."
    )
    deep = RecipeRecord(
        **{
            **RECIPE, "name": "deep", "cut": 16, "frozen_share": 0.0, "epochs": 1,
            "trained_share": 1.0, "shallow_error": None,
        }
    )  # fmt: skip
    del deep["arch"]  # as of an earlier version
    text = recipe_sentences(deep)
    assert "of the training images, so training started anew" in text
    assert "a shortened backbone, and all its layers learned for 1 epoch;" in text
    first = RecipeRecord(
        **{**RECIPE, "name": "head first", "freeze_epochs": 4, "frozen_share": 1.0}
    )
    text = recipe_sentences(first)
    assert "the head learned alone for 4 epochs, then none of its layers learned" in text


def test_the_trial_that_chose_the_recipe_is_told() -> None:
    """Where learning anew was tried, the sentence gives its errors and those of the probe."""
    anew = TrialRecord(images=107, errors=1, probe_errors=16, epochs=5, p=0.001, verdict="better")
    text = recipe_sentences(RecipeRecord(**{**RECIPE, "name": "deep", "anew": anew}))
    assert text.startswith(
        "In a trial on 107 training images held out, learning anew erred on 1 and the linear probe"
        " on 16, so training started anew. The model sees"
    )


def test_what_training_from_the_probe_erred_on_is_told_where_it_was_tried() -> None:
    """Learning anew, the probe and training from it stand in one sentence, as does its name."""
    anew = TrialRecord(
        images=96, errors=31, probe_errors=35, other_errors=30, epochs=5, p=0.3,
        verdict="cannot tell",
    )  # fmt: skip
    text = recipe_sentences(
        RecipeRecord(**{**RECIPE, "name": "far from the probe", "trained_share": 1.0, "anew": anew})
    )
    assert text.startswith(
        "In a trial on 96 training images held out, learning anew erred on 31 and the linear probe"
        " on 35, training from it on 30, so training started from the probe and went far from it."
    )
    assert "learned for 3 epochs; params.yaml" in text


def test_a_trial_on_groups_says_of_how_many_its_images_are() -> None:
    """Without groups nothing is added; the trial that chose the recipe names them too."""
    plain = TrialRecord(images=1070, errors=1, probe_errors=16, epochs=5, p=0.001, verdict="better")
    assert (trial_images(plain), of_groups(plain)) == ("1,070 images", "")
    anew = TrialRecord(**{**plain, "groups": 12})
    assert trial_images(anew) == "1,070 images of 12 groups"
    text = recipe_sentences(RecipeRecord(**{**RECIPE, "name": "deep", "anew": anew}))
    assert text.startswith("In a trial on 1,070 training images of 12 groups held out, learning")


def test_by_folds_the_headline_names_them() -> None:
    """Where fine-tuning was worse over the folds, no trial is named."""
    paths = np.array([f"{number}.jpg" for number in range(100)])
    result = example_interpretation(*example_inputs(["a", "b"], paths))
    trial = TrialRecord(images=60, errors=9, probe_errors=1, epochs=3, p=0.02, verdict="worse")
    metrics = result.with_training(RECIPE, trial).metrics
    metrics["folds"] = 5
    assert "as fine-tuning was worse over the folds: " in headline(metrics)
