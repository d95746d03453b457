"""The section `datablock` of params.yaml: how images are divided."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from stages.base.params import Section
from stages.labels.name_regex import one_group_regex

SplitRule = Literal["hash", "stratified", "column", "folder", "folds"]
NearDuplicates = Literal["exclude", "warn", "off"]
COLUMN = "column"  # the value of datablock.split.group that means ingest.label.group_column


class SplitParams(Section):
    """How images are divided between training, validation and test."""

    by: SplitRule = Field(
        description="what decides between training, validation and test",
        json_schema_extra={
            "hash": "of each file's content",
            "stratified": "by hash within each class",
            "column": "of the csv",
            "folder": "train/, valid/, test/",
            "folds": "each image validated once, by a model trained without its fold",
        },
    )
    valid: float = Field(
        gt=0, lt=1, description="fraction for validation; not used by column, folder and folds"
    )
    folds: int = Field(
        ge=2,
        le=20,
        description="folds, for by: folds alone, which is for few photos: it trains so many models,"
        " and then the one that is kept, on all images",
    )
    # What it costs are photos that would train. What it brings is a figure that no choice has made
    # look better, and it is worth having where its interval, 1.96 sqrt(p (1 - p) / n) either way,
    # is about as narrow as what choosing may have cost, some points of error: at p = 5 % and n =
    # 100, 200, 300, 1,000 images it is 4.3, 3.0, 2.5, 1.4 points.
    test: float = Field(
        ge=0,
        lt=1,
        description="fraction that make test-set opens, never trained or validated with; 0 for"
        " none; it pays from about 2,000 images on (.15 of them tell an error of 5 % to within 2.5"
        " points); column and folder say test themselves",
    )
    group: str = Field(
        description="what keeps photos of one object, person or scene on one side: empty (nothing),"
        " column (as ingest.label.group_column names them), or a regex over the path whose one"
        " capture group is the name; docs/splits.md has an example of each",
    )

    @field_validator("group")
    @classmethod
    def _names_groups(cls, value: str) -> str:
        return value if value in ("", COLUMN) else one_group_regex(value, "name of the group")

    @model_validator(mode="after")
    def _leaves_images_to_train(self) -> "SplitParams":
        if self.by in ("column", "folder") and self.test > 0:
            raise ValueError(
                f"by: {self.by} takes the test set from the {self.by} that says test, so test must"
                f" be 0, not {self.test:g}"
            )
        if self.by != "folds" and self.valid + self.test >= 1:
            raise ValueError(
                f"valid {self.valid:g} and test {self.test:g} leave nothing to train with;"
                " lower one of them"
            )
        return self


class DatablockParams(Section):
    """The section `datablock` of params.yaml."""

    split: SplitParams
    near_duplicates: NearDuplicates = Field(
        description="training images that are the same picture as a validation or test image",
        json_schema_extra={
            "exclude": "keep them out of training",
            "warn": "name them only",
            "off": "look for equal files only",
        },
    )
