"""8 bits are made of model.onnx, and hold the same facts."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import gettempdir

import numpy as np
import onnx
import pytest

from stages.base.errors import UserError
from stages.forms.int8 import to_int8
from stages.forms.onnx_classifier import OnnxClassifier
from stages.forms.onnx_file import to_onnx
from stages.forms.parity import measure_parity
from tests.file_limit import no_file_larger_than
from tests.forms.test_onnx_file import FACTS, example_classifier

PIXELS = np.random.default_rng(0).random((12, 32, 32, 3), dtype="float32") * 255


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the ONNX file of the example in 32 bits."""
    path = tmp_path_factory.mktemp("int8") / "model.onnx"
    path.write_bytes(to_onnx(example_classifier(), 32, FACTS))
    return path


def test_it_is_smaller_and_answers_nearly_the_same(model: Path, tmp_path: Path) -> None:
    """The weights take a quarter of the place, and probabilities move by less than a tenth."""
    content = to_int8(model, iter(PIXELS), FACTS)
    assert len(content) < 0.6 * model.stat().st_size
    (tmp_path / "int8.onnx").write_bytes(content)
    answers = OnnxClassifier(tmp_path / "int8.onnx").answer(PIXELS)
    parity = measure_parity(OnnxClassifier(model).answer(PIXELS), answers, bound=0.1)
    assert 0 < parity.largest < 0.1


def test_it_is_the_same_every_time(model: Path) -> None:
    """The same photos give the same bytes."""
    assert to_int8(model, iter(PIXELS), FACTS) == to_int8(model, iter(PIXELS), FACTS)


def test_it_holds_the_facts_and_no_others(model: Path) -> None:
    """Metadata are those of the project, without what the quantiser notes of itself."""
    file = onnx.load_from_string(to_int8(model, iter(PIXELS), FACTS))
    facts = {entry.key: entry.value for entry in file.metadata_props}
    assert facts == FACTS.as_text()
    assert file.producer_name == "finetrack"


def test_a_limit_of_files_says_where_the_file_is(model: Path) -> None:
    """The quantiser's files are temporary ones, whose folder is named, and none is left over."""
    words = rf"^a temporary file in {gettempdir()} cannot be written: File too large; allow larger"
    with no_file_larger_than(4096), pytest.raises(UserError, match=words):
        to_int8(model, iter(PIXELS), FACTS)
    assert list(model.parent.iterdir()) == [model]


def test_another_error_of_the_system_is_no_failed_write(model: Path) -> None:
    """What reading a photo meets, which has no file's name either, passes as it is."""

    def photos() -> Iterator[np.ndarray]:
        yield from PIXELS[:2]
        raise OSError("the photo is cut")

    with pytest.raises(OSError, match=r"^the photo is cut$"):
        to_int8(model, photos(), FACTS)


def test_no_advice_reaches_the_terminal(model: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The quantiser's warnings about its own preparation are kept back, others come after it."""
    to_int8(model, iter(PIXELS), FACTS)
    assert caplog.records == []
