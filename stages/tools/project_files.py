"""Where this project keeps what a revision is compared by.

By itself, since the command compare takes .6 s to import: page, figures and their packages.
"""

from stages.compare.snapshot import ProjectFiles

PROJECT_FILES = ProjectFiles(
    lock="dvc.lock",
    outcomes="reports/fine_tune/outcomes.csv",
    tables={
        "images": "data/manifest/images.csv",
        "labels": "data/manifest/labels.csv",
        "splits": "data/splits.csv",
        "rejected": "reports/presize/rejected.csv",
        "corrections": "reports/ingest/corrections.csv",
        "groups": "data/groups.csv",
    },
    store="data/presized",
    page="reports/index.html",
    model="data/model",
)
