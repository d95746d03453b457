"""The fine-tuned model in torch, as predict asks it: rendering, network, temperature."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stages.base.environment import device_name
from stages.batch.batches import Batch
from stages.batch.render_gpu import render_batch, shrink_factors
from stages.batch.render_spec import RenderSpec
from stages.batch.views import Views
from stages.batch.windows import collate, visible_windows
from stages.images.picture import Pixels
from stages.model.classifier import Classifier
from stages.model.files import ModelCard, load_model
from stages.predict.crops import CROPS, CropsName, crop_views
from stages.train.device import Compute, open_device
from stages.train.losses import to_pred_probs
from stages.train.saliency import saliency_maps

# lite0 at 224 px computes 16 photos as fast as 32 on a processor, each in 25 ms, and holds half as
# many activations: with 32 the command had 1.4 GB.
_BATCH_SIZES = {"cpu": 16}
# By which half precision may move a probability; it must not change a prediction at all.
_MOST_HALF_ERROR = 0.01


class TorchClassifier:
    """A model on a device, in half precision where its answers to the first batch agree."""

    def __init__(
        self,
        model: Classifier,
        card: ModelCard,
        compute: Compute,
        temperature: float,
        crops: CropsName,
    ) -> None:
        """Move the model to the device; temperature: divides the activations."""
        device = compute.device
        self.class_names: Sequence[str] = card.class_names
        self.engine = f"torch on {device.type} in {compute.dtype}"
        self.presize = card.presize
        self.may_refuse = card.loss == "bce"
        self.batch_size = max(1, _BATCH_SIZES.get(device.type, 64) // CROPS[crops])
        self._model = model.eval().to(device)
        self._loss = card.loss
        self._render = RenderSpec(size=card.size, mean=model.mean, std=model.std, device=device)
        self._compute = compute
        self._checked = compute.dtype == torch.float32
        self._temperature = temperature
        self._crops: CropsName = crops
        self._threads = torch.get_num_threads()
        self._pool = ThreadPoolExecutor(self._threads)
        if device.type == "cpu":
            # It needs numba, 60 MB, which a machine with a GPU may not have.
            from stages.batch.render_kernel import load_compiled_code  # noqa: PLC0415

            load_compiled_code()

    def pred_probs(self, photos: Sequence[Pixels]) -> NDArray[np.float32]:
        """Return the probabilities of photos, (B, C); those of several crops are averaged."""
        with torch.inference_mode():
            images = self._rendered(photos)
            if not self._checked:
                self._check_half(images)
            activations = self._activations(images) / self._temperature
            if not bool(activations.isfinite().all()) and self._compute.dtype != torch.float32:
                self._compute = replace(self._compute, dtype=torch.float32)
                activations = self._activations(images) / self._temperature
            of_crops = to_pred_probs(activations, self._loss)
            of_photos = of_crops.reshape(len(photos), -1, of_crops.shape[1]).mean(dim=1)
        pred_probs: NDArray[np.float32] = of_photos.cpu().numpy()
        return pred_probs

    def saliency(self, photos: Sequence[Pixels]) -> NDArray[np.float32]:
        """Return a map of each photo, (B, h, w) from 0 to 1, or (0, 0, 0) where there is none."""
        images = self._rendered(photos)
        count = len(images)
        batch = Batch(
            images=images,
            targets=torch.zeros(count, dtype=torch.int64, device=images.device),
            rows=np.arange(count),
        )
        return saliency_maps(self._model, [batch], self._compute)

    def _activations(self, images: Tensor) -> Tensor:
        with self._compute.autocast():
            activations: Tensor = self._model(images)
        return activations.float()

    def _check_half(self, images: Tensor) -> None:
        """Compute in float32 from now on if half precision answers otherwise."""
        half = to_pred_probs(self._activations(images), self._loss)
        halved = self._compute
        self._compute = replace(self._compute, dtype=torch.float32)
        whole = to_pred_probs(self._activations(images), self._loss)
        same = bool((half.argmax(1) == whole.argmax(1)).all())
        if same and float((half - whole).abs().max()) <= _MOST_HALF_ERROR:
            self._compute = halved
        self._checked = True

    def _rendered(self, photos: Sequence[Pixels]) -> Tensor:
        """Return every crop of every photo as the model takes it: (B * crops, 3, S, S)."""
        sizes = np.array([photo.shape[:2] for photo in photos])
        views = crop_views(sizes, self._crops)
        crops = len(views.matrices) // len(photos)
        repeated = [photo for photo in photos for _ in range(crops)]
        if self._render.device.type == "cpu":
            return self._rendered_on_cpu(repeated, views)
        return self._rendered_on_device(repeated, np.repeat(sizes, crops, axis=0), views)

    def _rendered_on_cpu(self, photos: Sequence[Pixels], views: Views) -> Tensor:
        # Of numba too: see __init__.
        from stages.batch.render_cpu import prepare_views, render_images  # noqa: PLC0415

        prepared = prepare_views(views, self._render.size)
        return render_images(photos, prepared, self._render, self._pool, self._threads)

    def _rendered_on_device(
        self, photos: Sequence[Pixels], sizes: np.ndarray, views: Views
    ) -> Tensor:
        factors = shrink_factors(views.matrices, self._render.size)
        windows = visible_windows(views.matrices, sizes, factors)
        pixels = collate([torch.from_numpy(photo) for photo in photos], windows)
        on_device = pixels.to(self._render.device)
        return render_batch(on_device, sizes, views, self._render, windows)


def open_torch_classifier(folder: Path, temperature: float, crops: CropsName) -> TorchClassifier:
    """Return the model of a folder, on the device that FINETRACK_DEVICE names."""
    model, card = load_model(folder)
    return TorchClassifier(model, card, open_device(device_name(), "auto"), temperature, crops)
