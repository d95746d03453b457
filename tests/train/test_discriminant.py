"""Linear discriminant analysis: scikit-learn's answers, from a block of features at a time."""

from tempfile import TemporaryFile

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from stages.base import stored_array
from stages.base.seed import derive
from stages.base.stored_array import store_rows
from stages.train.discriminant import _shrink, fit_probe, means_and_variances
from tests.measured_memory import measured_memory

RNG = np.random.default_rng(0)
TARGETS = np.repeat(np.arange(3), 30)
FEATURES = RNG.standard_normal((90, 8)).astype(np.float32)
FEATURES[np.arange(90), TARGETS] += 4


@pytest.mark.parametrize("rows", [slice(None), slice(40)])
@pytest.mark.parametrize("features", [8, 60])
def test_covariances_are_shrunk_as_ledoit_and_wolf_say(rows: slice, features: int) -> None:
    """With fewer rows than features, and with more, the shrinkage is scikit-learn's."""
    drawn = np.random.default_rng(features).standard_normal((90, features))[rows]
    centred = (drawn @ np.diag(np.linspace(0.5, 2, features))) - drawn.mean(axis=0)
    shrinkage, variance = _shrink([centred], len(centred))
    expected, reference = ledoit_wolf(centred, assume_centered=True)
    assert shrinkage == pytest.approx(reference)
    assert (1 - shrinkage) * np.cov(centred.T, bias=True)[0, 1] == pytest.approx(
        expected[0, 1] - (1 - shrinkage) * centred.mean(axis=0)[0] * centred.mean(axis=0)[1]
    )
    assert np.trace(expected) == pytest.approx(variance * features)


@pytest.mark.parametrize("count", [2, 3])
def test_it_is_linear_discriminant_analysis(count: int) -> None:
    """Its probabilities are scikit-learn's, with the covariance of each class shrunk, unscaled."""
    rows = count > TARGETS
    features = np.concatenate([FEATURES, 3 * FEATURES[:, :2] ** 2], axis=1)[rows]
    reference = make_pipeline(
        StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    )
    expected = reference.fit(features, TARGETS[rows]).predict_proba(features)
    probe = fit_probe(features, TARGETS[rows])
    assert probe.probabilities(features, count) == pytest.approx(expected, abs=1e-4)
    assert (probe.predict(features) == expected.argmax(axis=1)).all()


def test_a_class_without_training_images_has_probability_zero() -> None:
    """Such a class gets no probability, and the columns of the others stay in their places."""
    train = TARGETS != 1
    probe = fit_probe(FEATURES[train], TARGETS[train])
    pred_probs = probe.probabilities(FEATURES, 3)
    assert (pred_probs[:, 1] == 0).all()
    assert (pred_probs[TARGETS == 2].argmax(axis=1) == 2).mean() > 0.9


def test_no_images_no_predictions() -> None:
    """An empty side gives an empty table of the right width."""
    assert fit_probe(FEATURES, TARGETS).probabilities(FEATURES[:0], 3).shape == (0, 3)


@pytest.mark.parametrize(("images", "classes", "most"), [(100_000, 20, 45e6), (60_000, 1, 60e6)])
def test_fitting_takes_the_memory_of_a_block(images: int, classes: int, most: float) -> None:
    """Beside the features a block and the rows of one class are in memory, never a whole copy."""
    # It takes 25 and 40 MB; with copies of all features in float64 60 and 124.
    features = derive(1, "features").random((images, 64), dtype=np.float32)
    with measured_memory() as memory:
        fit_probe(features, np.arange(images) % classes)
    assert memory.peak < most


def slow_lda(features: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weights and biases of all features at once, by scikit-learn's covariances."""
    scaled = StandardScaler().fit_transform(features.astype(np.float64))
    classes, counts = np.unique(targets, return_counts=True)
    covariance = 1e-6 * np.eye(features.shape[1])
    for number, count in zip(classes, counts, strict=True):
        own = scaled[targets == number]
        deviations = own.std(axis=0)
        deviations[deviations == 0] = 1.0
        shrunk, _ = ledoit_wolf((own - own.mean(axis=0)) / deviations, assume_centered=True)
        covariance += count / len(targets) * deviations[:, None] * shrunk * deviations
    means = np.stack([scaled[targets == number].mean(axis=0) for number in classes])
    weights = np.linalg.solve(covariance, means.T).T
    return weights, np.log(counts / len(targets)) - (weights * means).sum(axis=1) / 2


@pytest.mark.parametrize("values_at_once", [30, 200, 2**21])
def test_blocks_from_a_file_give_what_all_features_give_at_once(
    values_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a class fills many blocks or a block holds many, and with a constant feature."""
    monkeypatch.setattr(stored_array, "_BLOCK_VALUES", values_at_once)
    draw = derive(3, "features")
    targets = draw.choice(np.array([1, 2, 5, 7]), 120, p=[0.05, 0.15, 0.2, 0.6])
    features = draw.normal(5, 2, (120, 20)).astype(np.float32)
    features[np.arange(120), targets] += 3
    features[:, 19] = 0.3
    features[targets == 7, 18] = 0.1
    weights, biases = slow_lda(features, targets)
    with TemporaryFile() as file:
        stored = store_rows(file, np.array_split(features, 9))
        probe = fit_probe(stored, targets)
        assert probe.classes.tolist() == [1, 2, 5, 7]
        assert probe.weights == pytest.approx(weights)
        assert probe.biases == pytest.approx(biases)
        assert probe.predict(stored).tolist() == probe.predict(features).tolist()
        means, variances = means_and_variances(stored)
    assert means == pytest.approx(features.mean(axis=0, dtype=np.float64))
    assert variances == pytest.approx(features.var(axis=0, dtype=np.float64))
