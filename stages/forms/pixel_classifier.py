"""The pixel classifier: from the pixels of a photo to calibrated probabilities, all in one."""

import numpy as np
import torch
from torch import Tensor, nn

from stages.batch.render_spec import RenderSpec
from stages.model.classifier import Classifier
from stages.model.model_params import LossName
from stages.train.losses import to_pred_probs

_IMAGES_AT_ONCE = 32


class PixelClassifier(nn.Module):
    """A classifier with normalisation, temperature and softmax (with bce sigmoid) inside."""

    scale: Tensor
    shift: Tensor

    def __init__(self, model: Classifier, loss: LossName, temperature: float) -> None:
        """Take a classifier, how its activations become probabilities, and their divisor."""
        super().__init__()
        self.model = model
        self.loss: LossName = loss
        self.temperature = temperature
        render = RenderSpec(size=0, mean=model.mean, std=model.std, device=torch.device("cpu"))
        scale, shift = torch.from_numpy(render.scale_and_shift())
        self.register_buffer("scale", scale / 255, persistent=False)
        self.register_buffer("shift", shift, persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return probabilities (B, C) for pixels (B, S, S, 3), levels of RGB from 0 to 255."""
        images = (pixels * self.scale + self.shift).permute(0, 3, 1, 2)
        return to_pred_probs(self.model(images) / self.temperature, self.loss)

    def answer(self, pixels: np.ndarray) -> np.ndarray:
        """Return probabilities (N, C) float32 for pixels (N, S, S, 3) float32."""
        self.eval()
        with torch.inference_mode():
            parts = [self(part) for part in torch.split(torch.from_numpy(pixels), _IMAGES_AT_ONCE)]
        return torch.cat(parts).numpy()
