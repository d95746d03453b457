"""Reference answers: Finetrack's own on validation photos, and the same photos as pixels."""

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from time import perf_counter
from typing import Protocol

import numpy as np
import torch

from stages.base.bucket import PhotoFolder, opened
from stages.base.errors import UserError
from stages.batch.image_set import ImageSet
from stages.batch.loader import valid_batches
from stages.batch.render_kernel import load_compiled_code
from stages.batch.render_spec import RenderSpec
from stages.forms.parity import Parity, measure_parity
from stages.forms.photo_pixels import photo_pixels
from stages.model.classifier import Classifier
from stages.model.files import ModelCard
from stages.store.reader import Store
from stages.train.losses import to_pred_probs

_IMAGES_AT_ONCE = 32
PixelReader = Callable[[str], np.ndarray]  # path -> (S, S, 3) float32, levels from 0 to 255


class Answers(Protocol):
    """A form of the model at work."""

    def answer(self, pixels: np.ndarray) -> np.ndarray:
        """Return probabilities (N, C) for pixels (N, S, S, 3)."""
        ...


def stored_pixels(store: Store, card: ModelCard) -> PixelReader:
    """Return what reads the pixels of a photo from its file in the store."""
    return lambda path: photo_pixels(BytesIO(store.encoded(path)), card.presize, card.size)


def original_pixels(folder: PhotoFolder, card: ModelCard) -> PixelReader:
    """Return what reads the pixels of a photo from its own file, as people do."""
    return lambda path: photo_pixels(opened(folder / path), card.presize, card.size)


def answer_in_batches(form: Answers, pixels: PixelReader, paths: Sequence[str]) -> np.ndarray:
    """Return the form's probabilities (N, C), a batch of photos in memory at a time."""
    parts = []
    for start in range(0, len(paths), _IMAGES_AT_ONCE):
        batch = [pixels(path) for path in paths[start : start + _IMAGES_AT_ONCE]]
        parts.append(form.answer(np.stack(batch)))
    return np.concatenate(parts)


@dataclass(frozen=True, kw_only=True)
class CheckedPhotos:
    """Validation photos that each form has to answer as Finetrack does."""

    paths: list[str]
    answers: np.ndarray  # (N, C), Finetrack's
    pixels: PixelReader

    def parity(self, form: Answers, bound: float) -> Parity:
        """Return how far a form's answers are from Finetrack's."""
        return measure_parity(self.answers, answer_in_batches(form, self.pixels, self.paths), bound)

    def as_read_by(self, pixels: PixelReader) -> "CheckedPhotos | None":
        """Return the same photos read in another way: those that it can read, None without any.

        Pillow by itself lacks some of what presize reads, and a photo may be gone by now.
        """
        read: dict[str, np.ndarray] = {}
        for path in self.paths:
            try:
                read[path] = pixels(path)
            except (MemoryError, UserError):  # the second of a bucket that does not answer
                raise
            except OSError as error:
                if error.errno not in (None, errno.ENOENT):  # of the machine, not of the photo
                    raise
            except Exception:  # noqa: S112 - Pillow raises anything for what it cannot read
                continue
        if not read:
            return None
        rows = [row for row, path in enumerate(self.paths) if path in read]
        return CheckedPhotos(paths=list(read), answers=self.answers[rows], pixels=read.__getitem__)

    def speed(self, form: Answers) -> float:
        """Return how many of these photos, as pixels, the form answers in a second."""
        pixels = np.stack([self.pixels(path) for path in self.paths[:_IMAGES_AT_ONCE]])
        form.answer(pixels)
        start = perf_counter()
        form.answer(pixels)
        return len(pixels) / (perf_counter() - start)


def checked_photos(
    model: Classifier, card: ModelCard, store: Store, paths: Sequence[str], temperature: float
) -> CheckedPhotos:
    """Return stored photos with Finetrack's calibrated answers, computed on the processor."""
    load_compiled_code()
    render = RenderSpec(size=card.size, mean=model.mean, std=model.std, device=torch.device("cpu"))
    targets = np.zeros(len(paths), np.int64)
    image_set = ImageSet(list(paths), targets, lambda row: torch.tensor(store.image(paths[row])))
    batches = valid_batches(image_set, render, _IMAGES_AT_ONCE)
    with torch.inference_mode():
        answers = [to_pred_probs(model(batch.images) / temperature, card.loss) for batch in batches]
    return CheckedPhotos(
        paths=list(paths),
        answers=torch.cat(answers).numpy(),
        pixels=stored_pixels(store, card),
    )
