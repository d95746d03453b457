"""Probe: a linear probe as numbers."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A linear probe on the mean activations of F channels, standardised, for K classes.

    The statistics are of the training images after concat pooling: F largest activations, then F
    means.
    """

    classes: np.ndarray  # (K,) int64, class numbers: those that have training images
    means: np.ndarray  # (2F,) float64
    variances: np.ndarray  # (2F,) float64
    weights: np.ndarray  # (K, F) float64, by standard deviation of a mean activation
    biases: np.ndarray  # (K,) float64
    temperature: np.ndarray  # () float64, by which its activations are divided
