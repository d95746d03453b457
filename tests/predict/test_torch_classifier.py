"""The model in torch answers photos as validation does, crop by crop, at its temperature."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from stages.batch.image_set import ImageSet
from stages.batch.loader import valid_batches
from stages.batch.render_spec import RenderSpec
from stages.images.picture import Pixels
from stages.model.files import load_model
from stages.predict.crops import CropsName, crop_views
from stages.predict.photo_source import PhotoSource
from stages.predict.read_photo import PhotoRequest, read_photo
from stages.predict.torch_classifier import TorchClassifier
from stages.stats.temperature import apply_temperature
from stages.train.device import Compute, open_device
from stages.train.infer import predict_batches
from stages.train.saliency import saliency_maps
from tests.predict.small_model import make_model, make_photo


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small model."""
    return make_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> list[Pixels]:
    """Return presized photos."""
    folder = tmp_path_factory.mktemp("photos")
    sources = [PhotoSource("", make_photo(folder / f"{seed}.png", seed)) for seed in range(5)]
    read = [read_photo(PhotoRequest(source, 48)) for source in sources]
    return [photo for photo in read if isinstance(photo, np.ndarray)]


def classifier(
    folder: Path, temperature: float = 1.0, crops: CropsName = "none", dtype: str = "float32"
) -> TorchClassifier:
    """Return the model of a folder on the processor."""
    open_device("cpu", "fp32")
    compute = Compute(torch.device("cpu"), getattr(torch, dtype))
    return TorchClassifier(*load_model(folder), compute, temperature, crops)


def test_answers_are_those_of_validation(folder: Path, photos: list[Pixels]) -> None:
    """The same photos through the loader and the inference of training get the same numbers."""
    model, card = load_model(folder)
    compute = open_device("cpu", "fp32")
    render = RenderSpec(size=card.size, mean=model.mean, std=model.std, device=compute.device)
    images = [torch.from_numpy(photo) for photo in photos]
    image_set = ImageSet([""] * 5, np.zeros(5, np.int64), images.__getitem__)
    expected = predict_batches(model, valid_batches(image_set, render, 5), compute, card.loss)
    ours = classifier(folder)
    answers = ours.pred_probs(photos)
    assert np.array_equal(answers, expected.pred_probs)
    assert (ours.class_names, ours.presize, ours.may_refuse) == (card.class_names, 48, False)
    assert ours.batch_size == 16


def test_the_temperature_is_that_of_the_report(folder: Path, photos: list[Pixels]) -> None:
    """Probabilities are scaled as the report scales them."""
    plain = classifier(folder).pred_probs(photos)
    scaled = classifier(folder, temperature=2.5).pred_probs(photos)
    expected = apply_temperature(plain, 2.5)
    assert np.allclose(scaled, expected, atol=1e-6)
    assert not np.allclose(scaled, plain, atol=0.01)


def test_crops_are_averaged(folder: Path, photos: list[Pixels]) -> None:
    """With flip the answer is the mean of those to the photo and to its mirror image."""
    plain = classifier(folder).pred_probs(photos)
    mirrored = [np.ascontiguousarray(photo[:, ::-1]) for photo in photos]
    other = classifier(folder).pred_probs(mirrored)
    both = classifier(folder, crops="flip").pred_probs(photos)
    assert np.allclose(both, (plain + other) / 2, atol=1e-5)
    ten = classifier(folder, crops="ten").pred_probs(photos)
    assert np.allclose(ten.sum(axis=1), 1, atol=1e-5)
    assert not np.allclose(ten, both, atol=1e-4)


@pytest.mark.parametrize(("error", "kept"), [(1.0, "bfloat16"), (1e-9, "float32")])
def test_half_precision_stays_where_its_answers_agree(
    folder: Path, photos: list[Pixels], monkeypatch: pytest.MonkeyPatch, error: float, kept: str
) -> None:
    """The first batch decides: where a probability moves too far, float32 computes from there."""
    monkeypatch.setattr("stages.predict.torch_classifier._MOST_HALF_ERROR", error)
    half = classifier(folder, dtype="bfloat16")
    whole = classifier(folder).pred_probs(photos)
    answers = half.pred_probs(photos)
    assert half._compute.dtype == getattr(torch, kept)
    assert np.array_equal(answers, whole) == (kept == "float32")


def test_a_device_renders_what_the_processor_does(folder: Path, photos: list[Pixels]) -> None:
    """The way of rendering that GPUs take gives nearly the same images, of every crop."""
    ours = classifier(folder, crops="ten")
    by_kernel = ours._rendered(photos)
    sizes = np.array([photo.shape[:2] for photo in photos])
    repeated = [photo for photo in photos for _ in range(10)]
    views = crop_views(sizes, "ten")
    by_torch = ours._rendered_on_device(repeated, np.repeat(sizes, 10, axis=0), views)
    assert by_torch.shape == by_kernel.shape == (50, 3, 32, 32)
    assert float((by_torch - by_kernel).abs().max()) < 0.02


def test_saliency_is_that_of_the_report(folder: Path, photos: list[Pixels]) -> None:
    """A map of each photo is what fine_tune computes for the page; one place alone gives none."""
    model, card = load_model(folder)
    compute = open_device("cpu", "fp32")
    large = replace(card, size=96)
    render = RenderSpec(size=large.size, mean=model.mean, std=model.std, device=compute.device)
    images = [torch.from_numpy(photo) for photo in photos]
    image_set = ImageSet([""] * 5, np.zeros(5, np.int64), images.__getitem__)
    expected = saliency_maps(model, valid_batches(image_set, render, 5), compute)
    maps = TorchClassifier(model, large, compute, 1.0, "none").saliency(photos)
    assert maps.shape == (5, 3, 3)
    assert np.array_equal(maps, expected)
    assert classifier(folder).saliency(photos).shape == (0, 0, 0)
