"""What all tests share: one thread each, nothing of the user's DVC or git settings, no network."""

import os
from pathlib import Path

import pytest

from stages.base.environment import prepare_process

prepare_process()
# Tests run side by side; set before numpy and torch are imported, which read these once.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ["HF_HUB_OFFLINE"] = "1"
# Child processes find the source whatever the working folder of the test that starts the first.
os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])
for name in [name for name in os.environ if name.startswith("FINETRACK_")]:
    del os.environ[name]

# Fixtures of the whole chain, and of the browser, read only now that the threads are set.
pytest_plugins = ["tests.tiny_repo", "tests.chromium"]


@pytest.hookimpl(trylast=True)  # when those that will not run are gone
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with slow tests first, so that no worker is left with one when the others end.

    Of those that need the built project one stands before them all, and the others behind the
    rest: a worker makes it while another has something else to do.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    building = [item.path for item in items if "built" in getattr(item, "fixturenames", ())]
    first = next((path for path in building if path in slow), None)
    waiting = {path for path in building if path != first}
    items.sort(key=lambda item: (item.path not in slow, item.path != first, item.path in waiting))
