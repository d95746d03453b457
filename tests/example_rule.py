"""A valid rule of labels, as in params.yaml, with the changes that a test is about."""

from stages.dataset.ingest_params import IngestParams
from stages.labels.labels import LabelParams

_RULE: dict[str, object] = {
    "by": "filename",
    "on": "name",
    "regex": r"^(.+)_\d+\.\w+$",
    "csv": "data/labels.csv",
    "path_column": "path",
    "label_column": "label",
    "split_column": "",
    "group_column": "",
    "delimiter": ",",
}


def example_rule(**changes: object) -> LabelParams:
    """Return the rule with some keys changed."""
    return LabelParams.model_validate(_RULE | changes)


def ingest_section(images: str = "data/photos", **changes: object) -> IngestParams:
    """Return the section `ingest` for a folder of photos, with some keys of its rule changed."""
    return IngestParams.model_validate({"images": images, "label": _RULE | changes})
