"""A probe is what fits a table of numbers, made by one function and named by each of its arrays."""

from dataclasses import fields

import numpy as np
import pytest

from stages.model.probe import Probe


def test_a_probe_needs_each_of_its_arrays() -> None:
    """What is read from a file that lacks an array, or has another one, is no probe."""
    arrays = {field.name: np.zeros(2) for field in fields(Probe)}
    assert vars(Probe(**arrays)) == arrays
    with pytest.raises(TypeError, match="means"):
        Probe(**{name: array for name, array in arrays.items() if name != "means"})
    with pytest.raises(TypeError, match="extra"):
        Probe(**arrays, extra=np.zeros(2))  # type: ignore[call-arg]
