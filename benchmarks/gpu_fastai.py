"""fastai on the same photos, network and GPU, where it is installed."""

from stages.base.environment import prepare_process

prepare_process()

from importlib.util import find_spec
from typing import Any

from benchmarks.generated import CLASSES, Work
from benchmarks.measure import timed
from benchmarks.photos import PETS, picture
from stages.base.environment import workers


def beside_fastai(work: Work, arch: str) -> dict[str, Any]:
    """Return images/s of an epoch of fastai in fp16, after a short one; nothing without fastai.

    Its transforms are those of its book: Resize(460), then aug_transforms of the same size.
    """
    if not find_spec("fastai"):
        return {"fastai": "not installed"}
    from fastai.vision import all as fastai

    scale = work.scale
    files = []
    for number in range(16):
        file = work.scratch / f"{CLASSES[number % 2]}_{number}.jpg"
        file.write_bytes(picture(number, PETS, 90))
        files.append(file)
    images = scale.steps * scale.batch_size
    half = fastai.defaults.device.type == "cuda"

    def learner_of(count: int) -> Any:
        names = [files[number % len(files)] for number in range(count + scale.batch_size)]
        loaders = fastai.ImageDataLoaders.from_lists(
            work.scratch, names, [name.name.split("_")[0] for name in names],
            valid_pct=scale.batch_size / len(names), seed=1, bs=scale.batch_size,
            item_tfms=fastai.Resize(460), num_workers=workers(),
            batch_tfms=[*fastai.aug_transforms(size=scale.size, min_scale=0.75),
                        fastai.Normalize.from_stats(*fastai.imagenet_stats)],
        )  # fmt: skip
        learner = fastai.vision_learner(
            loaders, arch, pretrained=False, normalize=False, metrics=fastai.error_rate
        )
        return learner.to_fp16() if half else learner

    few, many = learner_of(scale.batch_size * 2), learner_of(images)
    with few.no_bar(), few.no_logging():
        few.fit_one_cycle(1, 1e-3)
    with many.no_bar(), many.no_logging():
        seconds = timed(lambda: many.fit_one_cycle(1, 1e-3))
    return {f"images/s, {arch}, an epoch with its validation": images / seconds}
