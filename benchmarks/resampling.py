"""One resample a photo beside fastai's batch transforms: what each loses, and what it costs.

Both take the same squares of 460 pixels and the same views, which fastai draws as the book has it:
aug_transforms(size=224, min_scale=0.75), without changes of light. What a view should show is
sampled four times as finely from the same square and averaged. Where opencv-python-headless is
installed, its warp alone is timed too: what is left of our time when nothing but reading is done.
Run: python -m benchmarks.resampling --photos FOLDER, in an environment with fastai.
Results: benchmarks/results/resampling.json.
"""

import argparse
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from fastai.vision import all as fastai
from PIL import Image, ImageOps
from torch import Tensor

from benchmarks.measure import figure, machine, ratio, record, rounds
from stages.batch.render_cpu import prepare_views, render_images
from stages.batch.views import Views, box, homography

try:
    import cv2
except ImportError:
    cv2 = None

SIDE, SIZE, BATCH, BATCHES, FINER = 460, 224, 24, 4, 4
CORNERS = np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]], dtype=np.float64)  # as of affine_grid
PACKAGES = ["torch", "fastai", "numba", "numpy", "opencv-python-headless"]


def squares(folder: Path) -> Iterator[np.ndarray]:
    """Yield batches of the middle of photos whose shorter side is large enough: (B, S, S, 3)."""
    found: list[np.ndarray] = []
    for file in sorted(folder.glob("*.jpg")):
        with Image.open(file) as image:
            if min(image.size) >= SIDE:
                found.append(np.asarray(ImageOps.fit(image.convert("RGB"), (SIDE, SIDE))))
        if len(found) == BATCH:
            yield np.stack(found)
            found = []


class Chain:
    """fastai's transforms of a batch, and the views that they drew last."""

    def __init__(self) -> None:
        """Make the book's transforms, without light."""
        made = fastai.aug_transforms(size=SIZE, min_scale=0.75, max_lighting=0)
        self.affine, self.crop = made

    def draw(self, x: Tensor) -> Views:
        """Draw for a batch (B, 3, S, S); return the views as matrices of ours."""
        self.affine.before_call(x, 0)
        self.crop.before_call(x, 0)
        grid = fastai.affine_grid(self.affine.mat, (len(x), 3, 2, 2), align_corners=True)
        seen = (
            fastai.compose_tfms(grid, tfms=self.affine.coord_fs)
            .reshape(len(x), 4, 2)
            .double()
            .numpy()
        )
        # fastai counts from the centre of the first pixel to that of the last.
        half = (SIDE - 1) / 2
        to_grid = np.linalg.inv(box(SIDE / 2, SIDE / 2, 2 * half, 2 * half))
        (top, left), (height, width) = self.crop.tl, self.crop.cp_size
        crop = box(left + width / 2, top + height / 2, width, height)
        matrices = homography(CORNERS, SIDE / 2 + seen * half) @ to_grid @ crop
        return Views(matrices, np.zeros(len(x)), np.ones(len(x)))

    def apply(self, x: Tensor) -> Tensor:
        """Return what fastai shows of the views drawn last: (B, 3, SIZE, SIZE)."""
        return self.crop.encodes(self.affine.encodes(fastai.TensorImage(x))).as_subclass(Tensor)


def truth(x: Tensor, views: Views) -> Tensor:
    """Return the views sampled FINER times as finely, averaged: (B, 3, SIZE, SIZE)."""
    line = (torch.arange(SIZE * FINER, dtype=torch.float64) + 0.5) * 2 / (SIZE * FINER) - 1
    along, down = torch.meshgrid(line, line, indexing="xy")
    out = torch.stack([along, down, torch.ones_like(along)], dim=-1)
    where = out @ torch.from_numpy(views.matrices).transpose(1, 2)[:, None]
    grid = (where[..., :2] / where[..., 2:] * 2 / SIDE - 1).float()
    fine = F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)
    return F.avg_pool2d(fine, FINER)


def psnr(seen: Tensor, expected: Tensor) -> np.ndarray:
    """Return the peak signal to noise of each image, in dB."""
    return (-10 * (seen - expected).square().mean(dim=(1, 2, 3)).log10()).numpy()


def warped(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return a view by OpenCV, (SIZE, SIZE, 3) uint8: neither lit nor normalised."""
    # OpenCV counts from the centre of the first pixel, in the view and in the image.
    from_view = np.linalg.inv(box(SIZE / 2 - 0.5, SIZE / 2 - 0.5, SIZE, SIZE))
    to_image = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
    return cv2.warpPerspective(
        image, to_image @ matrix @ from_view, (SIZE, SIZE),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT,
    )  # fmt: skip


def main() -> None:
    """Compare all on every batch of photos."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True)
    folder = parser.parse_args().photos
    fastai.set_seed(1)
    chain, plain = Chain(), ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    losses, times = {"ours": [], "fastai": []}, {"ours": [], "fastai": [], "OpenCV": []}
    threads = torch.get_num_threads()
    with ThreadPoolExecutor(threads) as pool:
        for batch, _ in zip(squares(folder), range(BATCHES), strict=False):
            x = torch.from_numpy(batch).permute(0, 3, 1, 2).float() / 255
            views = chain.draw(x)
            contenders = {
                "ours": lambda batch=batch, views=views: render_images(
                    batch, prepare_views(views, SIZE), SIZE, *plain, pool, threads
                ),
                "fastai": lambda x=x: chain.apply(x),
            }
            expected = truth(x, views)
            for name, made in contenders.items():
                losses[name].extend(psnr(made(), expected).tolist())
            if cv2:
                cv2.setNumThreads(1)  # a thread of the pool a photo, as ours
                contenders["OpenCV"] = lambda batch=batch, views=views: list(
                    pool.map(warped, batch, views.matrices)
                )
            for name, seconds in rounds(contenders, 5).items():
                times[name].extend(seconds)
    gain = np.subtract(losses["ours"], losses["fastai"]).tolist()
    figures = {
        "PSNR of ours, dB": figure(losses["ours"]),
        "PSNR of fastai's, dB": figure(losses["fastai"]),
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
