"""A photo can be looked at again after all were answered, or its loss is said."""

from pathlib import Path

import numpy as np
import pytest

from stages.base.errors import UserError
from stages.evaluate.second_look import SecondLook
from stages.predict.photo_source import PhotoSource
from stages.predict.read_photo import PhotoRequest, read_photo
from tests.predict.small_model import make_photo


def test_pixels_are_those_that_the_model_had(tmp_path: Path) -> None:
    """A photo is presized as it was; as a picture it has no more pixels than the page shows."""
    source = PhotoSource("a", make_photo(tmp_path / "a.jpg"))
    look = SecondLook([source], 60)
    expected = read_photo(PhotoRequest(source, 60))
    assert isinstance(expected, np.ndarray)
    assert np.array_equal(look.pixels("a"), expected)
    large = SecondLook([source], 4000).picture("a")
    assert large is not None
    assert large.shape == (70, 90, 3)


def test_a_photo_that_is_gone_is_no_picture(tmp_path: Path) -> None:
    """The page does without it; comparing it with others cannot, and says so."""
    look = SecondLook([PhotoSource("a", tmp_path / "gone.jpg")], 60)
    assert look.picture("a") is None
    with pytest.raises(UserError, match=r"a was read, and .* cannot be read again"):
        look.pixels("a")
