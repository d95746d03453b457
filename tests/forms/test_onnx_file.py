"""One ONNX file with all inside, the same bytes in every process."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from stages.base.errors import UserError
from stages.forms.onnx_classifier import INPUT, OUTPUT, OnnxClassifier, OnnxFacts
from stages.forms.onnx_file import OPSET, finished_file, to_onnx
from stages.forms.parity import Parity, measure_parity
from stages.forms.pixel_classifier import PixelClassifier
from tests.forms.random_model import random_model

ROOT = Path(__file__).parents[2]
PIXELS = np.random.default_rng(0).random((5, 32, 32, 3), dtype="float32") * 255
FACTS = OnnxFacts(
    class_names=["cat", "dog", "ox", "zebra é"],
    thresholds={"95": 0.97, "99": None},
    temperature=0.8,
    calibrated=True,
    presize=160,
    size=32,
    activation="softmax",
    weights_sha256="ab" * 32,
    card_sha256="cd" * 32,
)
WRITE = """
import sys
from pathlib import Path
from stages.forms.onnx_file import to_onnx
from stages.forms.pixel_classifier import PixelClassifier
from tests.forms.random_model import random_model
from tests.forms.test_onnx_file import FACTS
model, card = random_model()
Path(sys.argv[1]).write_bytes(to_onnx(PixelClassifier(model, card.loss, 0.8), 32, FACTS))
"""


def example_classifier() -> PixelClassifier:
    """Return a small classifier."""
    model, card = random_model()
    return PixelClassifier(model, card.loss, 0.8)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the ONNX file of the example."""
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    path.write_bytes(to_onnx(example_classifier(), 32, FACTS))
    return path


def test_it_answers_as_the_classifier(file: Path) -> None:
    """From the same pixels the file gives the same probabilities to 1e-5."""
    ours = example_classifier().answer(PIXELS)
    assert ours.std() > 0.02
    assert measure_parity(ours, OnnxClassifier(file).answer(PIXELS), 1e-5).holds


@pytest.mark.parametrize("count", [1, 2, 33])
def test_any_number_of_images(file: Path, count: int) -> None:
    """The batch has no fixed size, and more than one batch is answered in order."""
    answers = OnnxClassifier(file).answer(np.repeat(PIXELS, 7, axis=0)[:count])
    assert answers.shape == (count, 4)
    assert answers.dtype == np.float32


def test_its_form_is_stated(file: Path) -> None:
    """Input, output and opset are those that the card names."""
    model = onnx.load(file)
    assert [node.name for node in model.graph.input] == [INPUT]
    assert [node.name for node in model.graph.output] == [OUTPUT]
    shape = model.graph.input[0].type.tensor_type.shape.dim
    assert shape[0].dim_param
    assert [side.dim_value for side in shape[1:]] == [32, 32, 3]
    assert {(entry.domain, entry.version) for entry in model.opset_import} == {("", OPSET)}


def test_its_metadata_say_how_to_use_it(file: Path) -> None:
    """Class names, thresholds, sizes and the checksum of the weights stand in the file."""
    facts = {entry.key: entry.value for entry in onnx.load(file).metadata_props}
    assert json.loads(facts["class_names"]) == FACTS.class_names
    assert json.loads(facts["thresholds"]) == FACTS.thresholds
    assert (facts["presize"], facts["size"], facts["temperature"]) == ("160", "32", "0.8")
    assert (facts["activation"], facts["weights_sha256"]) == ("softmax", FACTS.weights_sha256)
    assert list(facts) == sorted(facts)


def every_message(message: object) -> Iterator[object]:
    """Yield a protobuf message and all inside it."""
    yield message
    for _, value in message.ListFields():  # type: ignore[attr-defined]
        inner = [value] if hasattr(value, "ListFields") else value
        if not isinstance(inner, bytes | str | int | float):
            for part in inner:
                if hasattr(part, "ListFields"):
                    yield from every_message(part)


def test_nothing_of_the_machine_is_in_it(file: Path) -> None:
    """No note, no line of source, no folder, and no version of the exporter is left."""
    model = onnx.load(file)
    del model.metadata_props[:]
    for message in every_message(model):
        names = {field.name for field, _ in message.ListFields()}  # type: ignore[attr-defined]
        assert not names & {"doc_string", "metadata_props"}
    assert (model.producer_name, model.producer_version) == ("finetrack", "")
    content = file.read_bytes()
    for trace in (str(ROOT).encode(), b"site-packages", b".py", torch.__version__.encode()):
        assert trace not in content


@pytest.mark.slow
@pytest.mark.thorough  # the test above finds no trace of where it was written
def test_two_processes_write_the_same_bytes(file: Path, tmp_path: Path) -> None:
    """Another process, in another folder and with other hashes of strings, writes the same file."""
    done = subprocess.run(
        [sys.executable, "-c", WRITE, "model.onnx"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "model.onnx").read_bytes() == file.read_bytes()


class Unexportable(nn.Module):
    """A network whose way depends on what it sees."""

    def forward(self, images: Tensor) -> Tensor:
        """Return features of images, or of their negative."""
        return images if float(images.mean()) > 0 else -images


def test_a_network_that_cannot_be_followed_is_one_line() -> None:
    """Where torch cannot export, the error names model.arch and the param that leaves ONNX out."""
    classifier = example_classifier()
    classifier.model.body = Unexportable()
    with pytest.raises(UserError, match=r"model\.arch: .*set export\.onnx to false") as caught:
        to_onnx(classifier, 32, FACTS)
    assert len(caught.value.lines) == 1
    assert len(caught.value.lines[0]) < 300


def test_a_file_beyond_two_gigabytes_is_refused(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What protobuf cannot hold in one file is an error with the remedy, before it is written."""
    monkeypatch.setattr("stages.forms.onnx_file._MOST_BYTES", 1000)
    with pytest.raises(UserError, match=r"one file holds 1,000; set export\.onnx to false"):
        finished_file(onnx.load(file), FACTS)


def parity_of(arch: str, size: int, options: dict[str, object], folder: Path) -> Parity:
    """Return how far a network's ONNX file is from it, at a bound of 1e-4."""
    model, card = random_model(arch, size, **options)  # type: ignore[arg-type]
    classifier = PixelClassifier(model, card.loss, 0.8)
    pixels = np.random.default_rng(1).random((3, size, size, 3), dtype="float32") * 255
    ours = classifier.answer(pixels)
    assert ours.std() > 0.02
    facts = FACTS.model_copy(update={"size": size, "class_names": card.class_names})
    (folder / "model.onnx").write_bytes(to_onnx(classifier, size, facts))
    return measure_parity(ours, OnnxClassifier(folder / "model.onnx").answer(pixels), 1e-4)


ARCHS = [
    ("efficientnet_lite0", 96, {}),
    ("efficientnet_lite0", 96, {"cut": 16}),
    ("resnet34", 64, {}),
    ("convnext_atto", 64, {}),
    ("vit_tiny_patch16_224", 224, {}),
    ("swin_tiny_patch4_window7_224", 224, {}),
    ("densenet121", 64, {}),
    ("mobilenet_v2", 64, {}),  # of torchvision
    ("resnet18", 64, {"head": "fastai"}),
    ("resnet18", 64, {"loss": "bce"}),
]


# A small network is compared above, and make repro refuses a file that is not the trained one's.
@pytest.mark.thorough
@pytest.mark.parametrize(("arch", "size", "options"), ARCHS)
def test_networks_of_all_kinds_answer_the_same(
    arch: str, size: int, options: dict[str, object], tmp_path: Path
) -> None:
    """Cut or whole, of timm or torchvision, with any head and loss, ONNX is within 1e-4."""
    parity = parity_of(arch, size, options, tmp_path)
    assert parity.holds, parity
