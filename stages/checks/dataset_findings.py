"""Findings about a set as a whole: classes, images, duplicates and groups, the worst first."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stages.checks.duplicate_findings import check_duplicates
from stages.checks.finding import Finding, worst_first
from stages.checks.findings import blank_images, check_images
from stages.checks.fold_findings import check_folds
from stages.checks.group_findings import check_groups
from stages.checks.label_findings import check_labels_of_folders
from stages.dataset.split_files import without_test
from stages.dataset.split_params import DatablockParams


def check_dataset(
    images: pd.DataFrame,
    duplicates: pd.DataFrame,
    params: DatablockParams,
    size: int,
    image: Callable[[str], NDArray[np.uint8]],
) -> list[Finding]:
    """Return all findings, errors first.

    images: the columns of the store's index, with label, source, split, group and, by folds,
    FOLD_COLUMNS; duplicates: as of `find_duplicates`; size: the side in pixels that the model sees;
    image: pixels by path. Of the test images only their number in each class is looked at, and
    their duplicates.
    """
    seen = without_test(images)
    blank = blank_images(seen, image)
    findings = check_images(images, size, params.split.by, blank)
    findings += check_duplicates(images, duplicates, params)
    findings += check_labels_of_folders(seen)
    findings += check_groups(seen, params.split)
    findings += check_folds(seen, params.split)
    return worst_first(findings)
