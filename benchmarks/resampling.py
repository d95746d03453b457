"""One resample a photo beside fastai's batch transforms: what each loses, and what it costs.

Both take the same squares of 460 pixels and the same views, which fastai draws as the book has it:
aug_transforms(size=224, min_scale=0.75), without changes of light. What a view should show is
sampled four times as finely from the same square and averaged. Where opencv-python-headless is
installed, its warp alone is timed too: what is left of our time when nothing but reading is done.
Run: python -m benchmarks.resampling --photos FOLDER, in an environment with fastai.
Results: benchmarks/results/resampling.json.
"""

import argparse
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fastai.vision import all as fastai
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample

from benchmarks.measure import figure, machine, ratio, record, rounds
from stages.batch.lighting import no_lighting
from stages.batch.render_cpu import prepare_views, render_images
from stages.batch.render_spec import RenderSpec
from stages.batch.views import Views, box, homography

try:
    import cv2
except ImportError:
    cv2 = None

SIDE = 460  # of a square, pixels
SIZE = 224
BATCH = 24
BATCHES = 4
FINER = 4
CORNERS = np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]], dtype=np.float64)  # as of affine_grid
PACKAGES = ["torch", "fastai", "numba", "numpy", "opencv-python-headless"]


def squares(folder: Path) -> Iterator[np.ndarray]:
    """Yield batches of the middle of photos whose shorter side is large enough: (B, S, S, 3)."""
    images: list[np.ndarray] = []
    for file in sorted(folder.glob("*.jpg")):
        with Image.open(file) as image:
            if min(image.size) >= SIDE:
                images.append(np.asarray(ImageOps.fit(image.convert("RGB"), (SIDE, SIDE))))
        if len(images) == BATCH:
            yield np.stack(images)
            images = []


class FastaiTransforms:
    """fastai's transforms of a batch, and the views that they drew last."""

    def __init__(self) -> None:
        """Make the book's transforms, without light."""
        self.affine, self.crop = fastai.aug_transforms(size=SIZE, min_scale=0.75, max_lighting=0)

    def draw(self, x: Tensor) -> Views:
        """Draw for a batch (B, 3, S, S); return the views as matrices of ours."""
        self.affine.before_call(x, 0)
        self.crop.before_call(x, 0)
        grid = fastai.affine_grid(self.affine.mat, (len(x), 3, 2, 2), align_corners=True)
        corners = (
            fastai.compose_tfms(grid, tfms=self.affine.coord_fs)
            .reshape(len(x), 4, 2)
            .double()
            .numpy()
        )
        # fastai counts from the centre of the first pixel to that of the last.
        half = (SIDE - 1) / 2
        to_grid = np.linalg.inv(box(SIDE / 2, SIDE / 2, 2 * half, 2 * half))
        top, left = self.crop.tl
        height, width = self.crop.cp_size
        crop = box(left + width / 2, top + height / 2, width, height)
        matrices = homography(CORNERS, SIDE / 2 + corners * half) @ to_grid @ crop
        return Views(matrices=matrices, lighting=no_lighting(len(x)))

    def apply(self, x: Tensor) -> Tensor:
        """Return fastai's rendering of the views drawn last: (B, 3, SIZE, SIZE)."""
        rendered = self.crop.encodes(self.affine.encodes(fastai.TensorImage(x)))
        images: Tensor = rendered.as_subclass(Tensor)
        return images


def truth(x: Tensor, views: Views) -> Tensor:
    """Return the views sampled FINER times as finely, averaged: (B, 3, SIZE, SIZE)."""
    line = (torch.arange(SIZE * FINER, dtype=torch.float64) + 0.5) * 2 / (SIZE * FINER) - 1
    along, down = torch.meshgrid(line, line, indexing="xy")
    out = torch.stack([along, down, torch.ones_like(along)], dim=-1)
    positions = out @ torch.from_numpy(views.matrices).transpose(1, 2)[:, None]
    grid = (positions[..., :2] / positions[..., 2:] * 2 / SIDE - 1).float()
    fine = grid_sample(x, grid, padding_mode="reflection", align_corners=False)
    return avg_pool2d(fine, FINER)


def psnr(rendered: Tensor, expected: Tensor) -> list[float]:
    """Return the peak signal-to-noise ratio of each image, in dB."""
    decibels: list[float] = (
        -10 * (rendered - expected).square().mean(dim=(1, 2, 3)).log10()
    ).tolist()
    return decibels


def warped(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return a view by OpenCV, (SIZE, SIZE, 3) uint8, without lighting and normalisation."""
    # OpenCV counts from the centre of the first pixel, in the view and in the image.
    from_view = np.linalg.inv(box(SIZE / 2 - 0.5, SIZE / 2 - 0.5, SIZE, SIZE))
    to_image = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
    view: np.ndarray = cv2.warpPerspective(
        image, to_image @ matrix @ from_view, (SIZE, SIZE),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT,
    )  # fmt: skip
    return view


def warp_all(batch: np.ndarray, views: Views, pool: ThreadPoolExecutor) -> list[np.ndarray]:
    """Return the views of a batch by OpenCV, shared by the threads of the pool."""
    return list(pool.map(warped, batch, views.matrices))


def render_ours(
    batch: np.ndarray, views: Views, render: RenderSpec, pool: ThreadPoolExecutor, threads: int
) -> Tensor:
    """Return the views of a batch by our own renderer, their preparation included."""
    return render_images(list(batch), prepare_views(views, render.size), render, pool, threads)


def main() -> None:
    """Compare all on every batch of photos."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True)
    folder = parser.parse_args().photos
    fastai.set_seed(1)
    transforms = FastaiTransforms()
    render = RenderSpec(
        size=SIZE, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), device=torch.device("cpu")
    )
    decibels: dict[str, list[float]] = {"ours": [], "fastai": []}
    times: dict[str, list[float]] = {"ours": [], "fastai": [], "OpenCV": []}
    threads = torch.get_num_threads()
    with ThreadPoolExecutor(threads) as pool:
        for batch, _ in zip(squares(folder), range(BATCHES), strict=False):
            x = torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 255
            views = transforms.draw(x)
            renderers: dict[str, Callable[[], Tensor]] = {
                "ours": partial(render_ours, batch, views, render, pool, threads),
                "fastai": partial(transforms.apply, x),
            }
            expected = truth(x, views)
            for name, renderer in renderers.items():
                decibels[name].extend(psnr(renderer(), expected))
            contenders: dict[str, Callable[[], object]] = dict(renderers)
            if cv2:
                cv2.setNumThreads(1)  # a thread of the pool a photo, as ours
                contenders["OpenCV"] = partial(warp_all, batch, views, pool)
            for name, seconds in rounds(contenders, 5).items():
                times[name].extend(seconds)
    gain = np.subtract(decibels["ours"], decibels["fastai"]).tolist()
    figures: dict[str, Any] = {
        "PSNR of ours, dB": figure(decibels["ours"]),
        "PSNR of fastai's, dB": figure(decibels["fastai"]),
        "gain of ours over fastai's, dB": figure(gain),
        "photos where ours is nearer the truth": f"{np.sum(np.array(gain) > 0)} of {len(gain)}",
        "milliseconds a photo, ours": figure([1000 * s / BATCH for s in times["ours"]]),
        "time, ours / fastai's": ratio(times["ours"], times["fastai"]),
    }
    if cv2:
        figures["milliseconds a photo, OpenCV's warp alone"] = figure(
            [1000 * s / BATCH for s in times["OpenCV"]]
        )
        figures["time, ours / OpenCV's warp alone"] = ratio(times["ours"], times["OpenCV"])
    record("resampling", f"{SIDE} to {SIZE} px", machine(PACKAGES), figures)


if __name__ == "__main__":
    main()
