"""All findings of a set come together, and the test images take no part in them."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.checks.dataset_findings import check_dataset
from stages.dataset.duplicates import DUPLICATE_COLUMNS
from stages.dataset.split_params import DatablockParams, SplitParams
from tests.checks.example_images import images_of

PARAMS = DatablockParams(
    split=SplitParams(by="hash", valid=0.2, folds=5, test=0.2, group=""), near_duplicates="exclude"
)
NO_DUPLICATES = pd.DataFrame(columns=DUPLICATE_COLUMNS, dtype="str")


def test_pixels_and_shapes_of_test_images_are_not_looked_at() -> None:
    """A blank and narrow image is found in training, and in the test not even read."""
    images = images_of(cat=(8, 2), dog=(8, 2, 2)).assign(
        length=100, group="", phash="", source="csv"
    )
    images["split"] = images["split"].replace("excluded", "test")
    tested = images["split"].eq("test")
    images.loc[tested | images["path"].eq("cat_0000.jpg"), "width"] = 1000
    looked_at = []

    def image(path: str) -> NDArray[np.uint8]:
        looked_at.append(path)
        return np.zeros((8, 8, 3), np.uint8)

    findings = {f.check: f for f in check_dataset(images, NO_DUPLICATES, PARAMS, 64, image)}
    assert findings["extreme_shape"].paths == ("cat_0000.jpg",)
    assert set(looked_at) == set(images["path"][~tested])
    assert list(findings) == sorted(findings, key=lambda check: findings[check].severity != "error")
