"""A comparison in words and signs."""

from dataclasses import replace

import pytest

from stages.compare.pairing import REASONS
from stages.compare.record import BaseAndOther, ChoosingRecord, ScoreChange, SeedRun, SeedRuns
from stages.compare.words import (
    REASON_WORDS,
    adjusted_pvalue,
    choosing_sentence,
    enumeration,
    error_rates,
    groups_note,
    not_compared,
    score_lines,
    seed_lines,
    signed,
    signed_interval,
    verdict_sentence,
    verdict_word,
    which_test,
)
from stages.page.formatting import SPACE
from stages.stats.intervals import Interval
from tests.compare.example_record import example_record


def with_spaces(text: str) -> str:
    """Return a text with its no-break spaces as plain ones."""
    return text.replace(SPACE, " ")


SINGLE = SeedRuns(runs=[SeedRun(name="main", seed=42, error_rate=0.05)], sd=None)
TWO_SEEDS = SeedRuns(
    runs=[
        SeedRun(name="one", seed=1, error_rate=0.03),
        SeedRun(name="two", seed=2, error_rate=0.05),
    ],
    sd=0.0141,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0123, "+1.2"), (-0.0123, "−1.2"), (0.0, "0.0"), (-0.0004, "0.0"), (None, "–")],
)
def test_a_difference_has_its_sign(value: float | None, text: str) -> None:
    """A difference has a sign unless it rounds to zero, and an unknown one is a dash."""
    assert signed(value) == text


def test_a_difference_stands_with_its_interval() -> None:
    """A difference is in points, or as it is with a scale of one."""
    assert signed_interval(Interval(-0.01, -0.03, 0.01)) == "−1.0 (−3.0 to +1.0)"
    assert signed_interval(Interval(-0.05, -0.1, 0.01), 3, 1) == "−0.050 (−0.100 to +0.010)"
    assert signed_interval(Interval(None, -1.0, 1.0)) == "– (−100.0 to +100.0)"


def test_images_on_which_nothing_differs_are_not_counted_twice() -> None:
    """Where neither is right alone the sentence says so in place of two zeros."""
    record = example_record(only_base_right=0, only_other_right=0, images_to_tell=None)
    assert verdict_sentence(record) == (
        "On each of the 200 common images both are right, or both wrong. So small a difference no"
        " set of photos would tell."
    )


def test_one_model_is_said_first_and_has_no_p() -> None:
    """Of the same model neither a verdict, nor a p, nor how many photos would tell is named."""
    note = "The model is the same, to the byte"
    record = example_record(same_model=note, images_to_tell=None)
    assert verdict_sentence(record) == f"{note}. It answers alike on the 200 common images."
    assert (verdict_word(record), adjusted_pvalue(record)) == ("same model", "–")
    assert score_lines(record) == {}
    assert verdict_sentence(example_record(same_model=note, n_common=0)) == f"{note}."
    assert verdict_word(example_record()) == "cannot tell"


def test_the_best_of_many_runs_stands_with_its_correction() -> None:
    """The raw rate comes first, then the corrected one with its interval."""
    choosing = ChoosingRecord(
        runs=12,
        images=212,
        best="v1",
        error_rate=Interval(0.031, 0.01, 0.06),
        corrected=Interval(0.038, 0.02, 0.07),
    )
    assert with_spaces(choosing_sentence(choosing)) == (
        "Best of 12 runs on the 212 images that all of them have, v1: 3.1 % error, "
        "corrected for choosing 3.8 % (2.0 to 7.0)"
    )


def test_the_p_shown_is_the_adjusted_one() -> None:
    """Of several comparisons Holm's p is shown, since it decides the verdict."""
    assert adjusted_pvalue(example_record(p=0.01, p_holm=0.034)) == "0.034"


def test_error_rates_stand_before_and_after() -> None:
    """Both rates are in percent, and a dash where there are no images."""
    assert with_spaces(error_rates(example_record())) == "5.0 % → 4.0 %"
    unknown = BaseAndOther[float | None](base=None, other=None)
    assert error_rates(example_record(error_rate=unknown)) == "– → –"


def test_the_sentence_suits_the_verdict() -> None:
    """A clear verdict gives counts; an open one what would settle it."""
    assert verdict_sentence(example_record(verdict="better")).endswith("4 only in main.")
    assert "about 7,700 images would tell" in verdict_sentence(example_record())
    assert "So small a difference" in verdict_sentence(example_record(images_to_tell=None))
    seeds = BaseAndOther(base=SINGLE, other=TWO_SEEDS)
    of_seeds = verdict_sentence(example_record(images_to_tell=None, seeds=seeds))
    assert "more often in branch" in of_seeds
    assert "More seeds" in of_seeds
    assert "no image on which" in verdict_sentence(example_record(n_common=0))


@pytest.mark.parametrize(("right", "words"), [(0, "0 are"), (1, "1 is"), (2, "2 are")])
def test_one_image_is_and_two_are(right: int, words: str) -> None:
    """The verb agrees with the number of images that only the other has right."""
    sentence = verdict_sentence(example_record(only_other_right=right))
    assert f"images {words} right only in" in sentence


def test_images_that_are_not_compared_are_counted_by_reason() -> None:
    """The reasons are words, and each reason that can occur has some."""
    assert not_compared(example_record()) == ""
    text = not_compared(example_record(not_common={"added": 3, "moved": 1}))
    assert text == "4 validation images are not compared: 3 new, 1 in training on one side."
    assert not_compared(example_record(not_common={"removed": 1})).startswith("1 validation image")
    assert REASON_WORDS.keys() == REASONS.keys()


def test_each_score_has_a_line() -> None:
    """F1 is in percent, the loss as it is, calibration as confidence beside accuracy."""
    lines = {name: with_spaces(text) for name, text in score_lines(example_record()).items()}
    assert lines == {
        "Macro F1": "94.0 % → 95.0 %, +1.0 (−2.0 to +4.0) points",
        "Log loss": "0.200 → 0.150, −0.050 (−0.100 to +0.010)",
        "Calibration": "90.0 % sure, 95.0 % right → 95.0 % sure, 96.0 % right",
    }


def test_unequal_classes_have_a_line_of_mean_recall() -> None:
    """The recall stands first, in percent with its difference; there is none without it."""
    recall = ScoreChange(base=0.8, other=0.7, difference=Interval(-0.1, -0.2, 0.01))
    lines = score_lines(example_record(macro_recall=recall))
    name, text = next(iter(lines.items()))
    assert name == "Macro recall"
    assert with_spaces(text) == "80.0 % → 70.0 %, −10.0 (−20.0 to +1.0) points"


def test_an_unknown_score_has_no_line() -> None:
    """Scores that a side does not have are left out."""
    confidence = BaseAndOther(base=None, other=example_record().confidence.other)
    record = example_record(macro_f1=None, log_loss=None, confidence=confidence)
    assert score_lines(record) == {}


def test_several_seeds_have_a_line_and_a_single_run_none() -> None:
    """Mean, spread and each seed's error stand by the name of the side that has several seeds."""
    assert seed_lines(example_record()) == {}
    lines = seed_lines(example_record(seeds=BaseAndOther(base=SINGLE, other=TWO_SEEDS)))
    assert lines.keys() == {"branch"}
    assert with_spaces(lines["branch"]) == (
        "mean 4.0 %, standard deviation 1.4 points over 2 seeds (1: 3.0 %, 2: 5.0 %)"
    )


def test_many_names_are_counted() -> None:
    """The first four names are written, and the others counted."""
    assert enumeration(list("abcd")) == "a, b, c, d"
    assert enumeration(list("abcdef")) == "a, b, c, d and 2 more"
    assert enumeration([str(number) for number in range(1004)]) == "0, 1, 2, 3 and 1,000 more"


def test_groups_are_named_where_they_count() -> None:
    """One sentence says how many; none where images are independent, nor of one model twice."""
    grouped = example_record(groups=12, n_common=240)
    assert groups_note(grouped) == "Intervals and tests count 12 groups, not 240 images."
    assert groups_note(example_record()) == ""
    assert groups_note(example_record(groups=12, same_model="The model is the same")) == ""


def test_with_groups_more_of_them_would_tell() -> None:
    """The images that would tell are named with their groups, in proportion, in two digits."""
    record = example_record(groups=12)
    assert "about 7,700 images in 470 groups would tell, four times" in verdict_sentence(record)
    seeds = BaseAndOther(base=SINGLE, other=TWO_SEEDS)
    of_seeds = verdict_sentence(example_record(groups=12, images_to_tell=None, seeds=seeds))
    assert of_seeds.endswith("More seeds or more groups may tell.")


def test_the_tests_are_those_of_all_comparisons() -> None:
    """Each with groups, none, or some, and whether any has seeds; one model is not tested."""
    plain, grouped = example_record(), example_record(groups=12)
    same = example_record(same_model="The model is the same", groups=12)
    assert which_test([plain, same]) == "Exact McNemar test, two-sided."
    assert which_test([same, grouped]) == "Sign-flip test over groups, two-sided."
    for mixed in ([plain, grouped], [grouped, plain]):
        assert which_test(mixed).startswith("Sign-flip test where groups are counted, else")
    seeds = BaseAndOther(base=SINGLE, other=TWO_SEEDS)
    plain_seeds, grouped_seeds = (replace(one, seeds=seeds) for one in (plain, grouped))
    assert which_test([plain_seeds, plain]) == "A test of images and seeds together."
    assert which_test([grouped, grouped_seeds]) == "A test of groups and seeds together."
    assert which_test([plain_seeds, grouped]) == "A test of images or groups and seeds together."
    assert which_test([same]) == ""
