"""The trace shows what training gets, and names the step and the images where it fails."""

import json
from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from stages.base.errors import UserError
from stages.batch.batches import Batch, BatchPlan
from stages.batch.image_set import ImageSet
from stages.batch.loader import train_batches
from stages.batch.views import box
from stages.checks.batch_trace import MAX_TRACED_IMAGES, BatchTrace, trace_batch, view_shares
from stages.checks.trace_log import TraceStep, trace_text
from tests.checks.example_views import AUGMENT, RENDER, SEED

STEPS = [
    "collect",
    "label",
    "split",
    "decode",
    "crop",
    "pad",
    "resample",
    "lighting",
    "normalise",
    "collate",
    "forward",
    "loss",
]


def make_splits(train: int = 12, valid: int = 4) -> pd.DataFrame:
    """Return images of three classes, the last ones in validation."""
    number = range(train + valid)
    return pd.DataFrame(
        {
            "path": [f"{n:03}.jpg" for n in number],
            "label": ["abc"[n % 3] for n in number],
            "split": ["train"] * train + ["valid"] * valid,
        }
    )


def picture(path: str) -> np.ndarray:
    """Return noise of a size and content that the path decides."""
    number = int(path[:3])
    rng = np.random.default_rng(number)
    return rng.integers(0, 256, (40 + number, 60 - number % 7, 3), dtype=np.uint8)


def forward(images: Tensor) -> Tensor:
    """Return three activations: the mean of each channel."""
    return images.mean((2, 3))


def trace(
    splits: pd.DataFrame | None = None,
    image: Callable[[str], np.ndarray] = picture,
    model: Callable[[Tensor], Tensor] = forward,
    batch_size: int = 8,
) -> BatchTrace:
    """Trace the first batch of a small set."""
    table = make_splits() if splits is None else splits
    plan = BatchPlan(batch_size=batch_size, seed=SEED)
    return trace_batch(table, image, model, AUGMENT, RENDER, plan)


def first_batch(splits: pd.DataFrame, batch_size: int = 8) -> Batch:
    """Return the first batch of training, from training's own loader."""
    train = splits[splits["split"] == "train"]
    targets = train["label"].map({"a": 0, "b": 1, "c": 2}).to_numpy()
    paths = train["path"].tolist()
    image_set = ImageSet(
        paths=paths,
        targets=targets,
        load_image=lambda row: torch.from_numpy(picture(paths[row])),
    )
    plan = BatchPlan(batch_size=batch_size, seed=SEED)
    return next(iter(train_batches(image_set, RENDER, AUGMENT, plan, epoch=1)))


def steps_by_name(result: BatchTrace) -> dict[str, TraceStep]:
    """Return name -> recorded step."""
    return {step.step: step for step in result.log.steps}


def step_names(result: BatchTrace) -> list[str]:
    """Return the names of the recorded steps, in order."""
    return [step.step for step in result.log.steps]


def test_the_trace_ends_in_trainings_first_batch() -> None:
    """Images and loss are those of the first batch of training, to a tenth of a grey level."""
    result = trace()
    batch = first_batch(make_splits())
    assert result.images is not None
    assert (result.images - batch.images).abs().max() < 0.1 / 255 / 0.2
    assert result.labels == ["abc"[target] for target in batch.targets]
    expected = torch.nn.functional.cross_entropy(forward(batch.images), batch.targets)
    assert result.loss == pytest.approx(float(expected))


def test_the_trace_takes_what_a_balanced_epoch_draws() -> None:
    """Its photos are those of the first batch where a rare class comes more often."""
    splits = make_splits()
    train = splits[splits["split"] == "train"]
    plan = BatchPlan(batch_size=8, seed=SEED, balance="full")
    rows = plan.drawn(train["label"].map({"a": 0, "b": 1, "c": 2}).to_numpy(), 1)
    first = train["path"].iloc[rows[plan.epoch_rows(len(train), 1)[0]]]
    traced = trace_batch(splits, picture, forward, AUGMENT, RENDER, plan)
    assert traced.log.paths == list(dict.fromkeys(first))


def test_every_step_is_logged_in_order() -> None:
    """All steps stand in the log, in order, and a healthy batch has no findings."""
    result = trace()
    assert step_names(result) == STEPS
    assert result.log.findings == []


def test_shapes_and_types() -> None:
    """Each step logs the shape and type of what it gave."""
    steps = {name: (step.shape, step.dtype) for name, step in steps_by_name(trace()).items()}
    rendered = ([8, 3, 32, 32], "float32")
    height, width = steps["pad"][0][2:]
    assert steps == {
        "collect": ([16], "path"),
        "label": ([16], "int64"),
        "split": ([8], "int64"),
        "decode": ([8], "uint8"),
        "crop": ([8, 3, 3], "float64"),
        "pad": ([8, 3, height, width], "uint8"),
        "resample": rendered,
        "lighting": rendered,
        "normalise": rendered,
        "collate": rendered,
        "forward": ([8, 3], "float32"),
        "loss": ([8], "float32"),
    }


def test_ranges_are_those_of_the_numbers() -> None:
    """Least, largest and mean are those of the numbers, to four digits."""
    result = trace()
    assert result.images is not None
    step = steps_by_name(result)["collate"]
    expected = [result.images.min(), result.images.max(), result.images.mean()]
    assert [step.min, step.max, step.mean] == pytest.approx([float(x) for x in expected], rel=1e-3)
    assert len(str(step.mean).strip("-0.").replace(".", "")) <= 4
    assert (steps_by_name(result)["label"].min, steps_by_name(result)["label"].max) == (0, 2)


def test_pixels_are_the_batch_before_normalisation() -> None:
    """The pictures are the batch itself with the normalisation undone, as bytes."""
    result = trace()
    assert result.images is not None
    assert result.pixels is not None
    mean = torch.tensor(RENDER.mean)[:, None, None]
    std = torch.tensor(RENDER.std)[:, None, None]
    undone = (result.images * std + mean) * 255
    assert result.pixels.dtype == np.uint8
    assert np.abs(undone.permute(0, 2, 3, 1).numpy() - result.pixels).max() <= 0.501


def test_loss_is_compared_with_guessing() -> None:
    """The note of the loss gives the logarithm of the number of classes."""
    assert "ln(3) = 1.10" in steps_by_name(trace())["loss"].note


def test_equal_activations_cost_what_guessing_costs() -> None:
    """A model that gives all classes the same loses ln(classes), at this spread too."""
    result = trace(model=lambda images: torch.zeros(len(images), 3))
    assert result.loss == pytest.approx(np.log(3))
    assert "1.10 for guessing, 1.10 at this spread" in steps_by_name(result)["loss"].note


def test_a_loss_far_above_guessing_is_a_warning() -> None:
    """A loss far above that of guessing is warned about; the trace has no error."""
    certain = torch.tensor([100.0, 0.0, 0.0])
    findings = trace(model=lambda images: certain.expand(len(images), 3)).log.findings
    assert [(finding.severity, finding.check) for finding in findings] == [
        ("warning", "first_loss")
    ]


def test_large_batches_are_cut() -> None:
    """The trace takes 64 images at most, the first of the batch."""
    splits = make_splits(train=80)
    result = trace(splits, batch_size=80)
    batch = first_batch(splits, batch_size=80)
    assert len(result.labels) == MAX_TRACED_IMAGES == 64
    assert result.log.paths == [splits["path"][row] for row in batch.rows[:64]]


def test_a_set_smaller_than_a_batch() -> None:
    """Fewer training images than a batch are all taken."""
    assert sorted(trace(make_splits(train=5)).log.paths) == [f"{n:03}.jpg" for n in range(5)]


def broken(*paths: str) -> Callable[[str], np.ndarray]:
    """Return a reader that fails for some paths."""

    def read(path: str) -> np.ndarray:
        if path in paths:
            raise UserError(f"{path} is damaged; mend it")
        return picture(path)

    return read


def test_an_image_that_does_not_open_is_named_and_left_out() -> None:
    """Each image that fails to decode is an error; the trace goes on with the others to the end."""
    result = trace(make_splits(train=8), broken("003.jpg", "005.jpg"))
    findings = [(finding.severity, finding.check, finding.paths) for finding in result.log.findings]
    assert sorted(findings) == [
        ("error", "batch_decode", ("003.jpg",)),
        ("error", "batch_decode", ("005.jpg",)),
    ]
    assert "003.jpg is damaged; mend it" in " ".join(
        finding.message for finding in result.log.findings
    )
    assert step_names(result) == STEPS
    assert steps_by_name(result)["resample"].shape[0] == len(result.labels) == 6
    labels = dict(zip(make_splits()["path"], make_splits()["label"], strict=True))
    assert result.labels == [labels[path] for path in result.log.paths]


def test_no_image_opens() -> None:
    """When no image opens, each is named and the trace ends there."""
    result = trace(make_splits(train=3), broken("000.jpg", "001.jpg", "002.jpg"))
    assert len(result.log.findings) == 3
    assert step_names(result) == ["collect", "label", "split"]
    assert result.loss is None


def test_an_image_of_a_wrong_shape_is_named() -> None:
    """An image without three channels fails where images meet, and is named alone."""

    def one_grey(path: str) -> np.ndarray:
        return picture(path)[:, :, 0] if path == "002.jpg" else picture(path)

    (finding,) = trace(make_splits(train=8), one_grey).log.findings
    assert finding.check == "batch_pad"
    assert finding.paths == ("002.jpg",)
    assert "'pad'" in finding.message


def bright(images: Tensor) -> Tensor:
    """Return which images are far brighter than noise can be."""
    return images.mean((1, 2, 3)) > 1.2


def one_white(path: str) -> np.ndarray:
    """Return noise, but pure white for one path."""
    return np.full((50, 50, 3), 255, np.uint8) if path == "004.jpg" else picture(path)


def test_a_failing_model_names_the_image() -> None:
    """When the model fails for one image, the finding names the step and that image."""

    def moody(images: Tensor) -> Tensor:
        if bright(images).any():
            raise ValueError("too\nbright")
        return forward(images)

    result = trace(make_splits(train=8), one_white, moody)
    (finding,) = result.log.findings
    assert (finding.severity, finding.check, finding.paths) == (
        "error",
        "batch_forward",
        ("004.jpg",),
    )
    assert "ValueError: too bright" in finding.message
    assert result.log.steps[-1].step == "collate"
    assert result.loss is None


def test_a_model_that_always_fails_names_all() -> None:
    """When every image fails, all are named in paths, and three in the message."""

    def never(images: Tensor) -> Tensor:
        raise RuntimeError("no")

    (finding,) = trace(model=never).log.findings
    assert len(finding.paths) == 8
    assert "and 5 more" in finding.message


def test_numbers_that_are_not_finite_name_the_image() -> None:
    """NaN and infinity are an error that names the image, and the log is still valid JSON."""

    def leaky(images: Tensor) -> Tensor:
        return torch.where(bright(images)[:, None], torch.nan, forward(images))

    result = trace(make_splits(train=8), one_white, leaky)
    (finding,) = result.log.findings
    assert (finding.check, finding.paths) == ("batch_forward", ("004.jpg",))
    assert "not finite" in finding.message
    json.dumps([asdict(step) for step in result.log.steps], allow_nan=False)


def test_too_few_activations_fail_in_the_loss() -> None:
    """A model with fewer outputs than classes is an error of the step loss."""
    findings = trace(model=lambda images: forward(images)[:, :2]).log.findings
    assert [finding.check for finding in findings] == ["batch_loss"]


def test_no_training_images_end_the_trace() -> None:
    """Without training images the trace ends after the split, without findings of its own."""
    result = trace(make_splits(train=0))
    assert step_names(result) == ["collect", "label", "split"]
    assert result.log.findings == []


def test_no_images_at_all() -> None:
    """An empty set ends the trace as quietly, and the log is still valid JSON and text."""
    result = trace(make_splits(0, 0))
    assert result.log.findings == []
    json.dumps([asdict(step) for step in result.log.steps], allow_nan=False)
    assert "split" in trace_text(result.log.steps)


def test_shares_of_known_boxes() -> None:
    """A view of the whole takes in all of its image, one of half each way a quarter."""
    views = np.stack([box(20, 30, 40, 60), box(10, 15, 20, 30)])
    assert view_shares(views, np.array([[60, 40], [60, 40]])) == pytest.approx([1, 0.25])
