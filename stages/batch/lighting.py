"""Lighting: what becomes of the levels of each image of a batch, wherever a pixel is."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Lighting:
    """The gain, brightness and contrast of B images, which act in this order.

    Brightness and contrast act on the logit of a level (as in fastai), where white stays white;
    a gain makes it grey, as too short an exposure does.
    """

    gain: np.ndarray  # (B,) at most 1, multiplies a level in 0..1
    brightness: np.ndarray  # (B,) added to the logit of a level
    contrast: np.ndarray  # (B,) multiplies the logit of a level

    @property
    def acts_on_logits(self) -> np.ndarray:
        """Which images have a brightness or a contrast, (B,) bool."""
        acts: np.ndarray = (self.brightness != 0) | (self.contrast != 1)
        return acts

    @property
    def changes(self) -> np.ndarray:
        """Which images it changes, (B,) bool."""
        changes: np.ndarray = self.acts_on_logits | (self.gain != 1)
        return changes

    def subset(self, rows: np.ndarray | slice) -> "Lighting":
        """Return that of some of the images."""
        return Lighting(
            gain=self.gain[rows], brightness=self.brightness[rows], contrast=self.contrast[rows]
        )


def no_lighting(images: int) -> Lighting:
    """Return the lighting that changes nothing of so many images."""
    return Lighting(gain=np.ones(images), brightness=np.zeros(images), contrast=np.ones(images))
