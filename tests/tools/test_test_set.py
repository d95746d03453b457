"""What `make test-set` says and refuses; tests/test_seal.py opens the test set of a real run."""

import numpy as np
import pandas as pd
import pytest

from stages.base.errors import UserError
from stages.stats.sealed_test import SealedScores, score_test_set
from stages.tools.test_set import lines, main, refuse_unknown_classes
from tests.stats.test_sealed_test import sure, validation


def scores(errors: int, images: int, valid_errors: int, valid_images: int) -> SealedScores:
    """Return the scores of a model that errs so often."""
    targets = np.arange(images) % 3
    predicted = (targets + (np.arange(images) < errors)) % 3
    valid = np.arange(valid_images) % 3
    valid_predicted = (valid + (np.arange(valid_images) < valid_errors)) % 3
    record = validation(valid.tolist(), valid_predicted.tolist())
    return score_test_set(targets, sure(predicted.tolist()), record, 1)


def test_the_gap_is_said_with_its_interval() -> None:
    """Error, validation and gap are three lines, as in the README."""
    assert list(lines(scores(16, 300, 16, 400))) == [
        "Test        5.3 % of 300 images wrong (95 % interval 3.3 to 8.5 %)",
        "Validation  4.0 % of 400 images wrong (95 % interval 2.5 to 6.4 %)",
        "Gap         +1.3 points (95 % interval \N{MINUS SIGN}1.8 to +4.8): no more than chance "
        "may do",
    ]


@pytest.mark.parametrize(
    ("errors", "valid_errors", "words"),
    [(60, 10, "the test is harder"), (3, 60, "the test is easier")],
)
def test_a_gap_beyond_chance_is_named(errors: int, valid_errors: int, words: str) -> None:
    """Where the interval excludes zero, the line says to which side."""
    assert list(lines(scores(errors, 300, valid_errors, 300)))[2].endswith(words)


def test_labels_that_the_model_does_not_know_are_refused() -> None:
    """A test image of another class is named, since the model could never be right on it."""
    images = pd.DataFrame({"path": ["a.jpg", "b.jpg"], "label": ["cat", "lynx"]})
    refuse_unknown_classes(images.iloc[:1], ["cat", "dog"])
    with pytest.raises(UserError) as caught:
        refuse_unknown_classes(images, ["cat", "dog"])
    assert "b.jpg: lynx" in str(caught.value)


def test_without_git_nothing_is_opened(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where openings could not be counted, the command stops."""
    folder = tmp_path_factory.mktemp("plain")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(folder.parent))
    with pytest.raises(UserError, match="no git repository"):
        main()
