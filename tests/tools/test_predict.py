"""The model used on new photos, by the command that people type."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stages.base.errors import UserError
from stages.model.classifier import ModelParams, build_classifier
from stages.model.files import ModelCard, load_model, save_model
from stages.tools.predict import Found, answers, find_photos, main, predict_photos, read_photo
from stages.train.device import open_device

ROOT = Path(__file__).parents[2]
CARD = ModelCard(
    params=ModelParams(arch="test_resnet", weights="none", head="linear", cut="none"),
    class_names=["cat", "dog", "owl"],
    size=32,
    loss="cross_entropy",
    presize=48,
    base_lr=0.002,
    seed=1,
    device="cpu",
    precision="float32",
    threads=1,
    processes=1,
    torch="2.15.0",
)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return the folder of a small saved model."""
    classifier = build_classifier(CARD.params, 3, seed=1, size=32)
    save_model(tmp_path / "model", classifier, CARD)
    return tmp_path / "model"


def photo(path: Path, seed: int = 0) -> Path:
    """Write a photo of noise."""
    path.parent.mkdir(exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (70, 90, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def predict(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    command = [sys.executable, "-m", "stages.tools.predict", *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_every_photo_gets_a_line(model: Path, tmp_path: Path) -> None:
    """Each photo is answered with its classes, most probable first, summing to all."""
    names = [photo(tmp_path / "a.jpg"), photo(tmp_path / "b.png", 1)]
    done = predict(*names, "--model", model)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split(": ")[0] for line in lines] == [str(name) for name in names]
    for line in lines:
        shares = [float(part.split()[-1].rstrip("%")) for part in line.split(": ")[1].split(", ")]
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) == pytest.approx(100, abs=0.3)


@pytest.mark.slow
def test_no_model_is_one_line(tmp_path: Path) -> None:
    """Without a model the command says how to make one, with exit code 1 and no traceback."""
    done = predict(photo(tmp_path / "a.jpg"), "--model", tmp_path / "nothing")
    assert done.returncode == 1
    assert "dvc repro fine_tune" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_photo_is_presized_upright(tmp_path: Path) -> None:
    """A photo on its side is turned, and its shorter side comes down to the presize."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (200, 100), "red").save(tmp_path / "side.jpg", exif=exif)
    turned = read_photo(tmp_path / "side.jpg", 48)
    assert isinstance(turned, torch.Tensor)
    assert turned.shape == (96, 48, 3)


def test_what_is_no_photo_gets_its_problem(tmp_path: Path) -> None:
    """A text and what is not there have a problem in place of pixels, named as presize does."""
    (tmp_path / "note.jpg").write_text("no picture")
    problem = read_photo(tmp_path / "note.jpg", 48)
    assert isinstance(problem, str)
    assert problem.startswith("not an image")
    assert read_photo(tmp_path / "absent.jpg", 48) == "unreadable: No such file or directory"


def test_no_input_hides_the_others(
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A damaged photo, a name that acts on terminals and a folder leave each photo its line."""
    good = photo(tmp_path / "a.jpg")
    (tmp_path / "bad.jpg").write_bytes(good.read_bytes()[:400])
    photo(tmp_path / "album" / "in \x1b[2J\n.png", 1)
    photo(tmp_path / "b.jpg", 2)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    names = ["a.jpg", "bad.jpg", "album", "b.jpg", "absent.jpg", "empty"]
    monkeypatch.setattr(sys, "argv", ["predict", *names, "--model", str(model)])
    with pytest.raises(UserError, match="3 of 6 photos could not be read"):
        main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[0] for line in lines] == [
        "a.jpg", "bad.jpg", "album/in \\x1b[2J\\n.png", "b.jpg", "absent.jpg", "empty"
    ]  # fmt: skip
    assert [line.endswith("%") for line in lines] == [True, False, True, True, False, False]
    assert lines[1] == f"bad.jpg: {read_photo(Path('bad.jpg'), 48)}"
    assert lines[4] == "absent.jpg: unreadable: No such file or directory"


def test_a_folder_gives_its_photos_sorted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Photos are found below a folder at any depth; other files are counted, on stderr."""
    for name in ("c.JPG", "sub/deep/b.png", "a.webp", "a.json", "sub/clip.MOV", "c.xmp", ".d.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = [item.path.relative_to(tmp_path).as_posix() for item in find_photos(tmp_path)]
    assert found == ["a.webp", "c.JPG", "sub/deep/b.png"]
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err == f"{tmp_path}: passed over 3 other files (1 .json, 1 .xmp, 1 .MOV)\n"


def test_photos_are_read_in_batches(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many photos a batch is in memory at a time, and each keeps its answer."""
    classifier, card = load_model(model)
    compute = open_device("cpu", "fp32")
    found = [Found(photo(tmp_path / f"{number}.png", number)) for number in range(5)]
    found.insert(2, Found(tmp_path / "absent.png"))
    at_once = dict(predict_photos(found, classifier, card, compute))
    monkeypatch.setattr("stages.tools.predict._BATCH_SIZE", 2)
    in_memory = []
    predictions = predict_photos(found, classifier, card, compute)
    for item, answer in predictions:
        in_memory.append(item)
        if isinstance(answer, str):
            assert answer == at_once[item]
        else:
            assert np.allclose(answer, at_once[item], atol=1e-6)
            assert answer.sum() == pytest.approx(1)
        if len(in_memory) == 1:
            found[4].path.unlink()  # not read yet
            at_once[found[4]] = "unreadable: No such file or directory"
    assert in_memory == found


@pytest.mark.parametrize(("top", "shown"), [(1, 1), (3, 3), (99, 3)])
def test_no_more_classes_are_shown_than_there_are(top: int, shown: int) -> None:
    """A larger number of classes than the model has shows all of them."""
    row = np.array([0.5, 0.3, 0.2])
    assert len(list(answers(row, ["a", "b", "c"], "cross_entropy", top))) == shown


def test_at_least_one_class_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To show no class at all is refused before anything is loaded."""
    monkeypatch.setattr(sys, "argv", ["predict", str(tmp_path / "a.jpg"), "--top", "0"])
    with pytest.raises(UserError, match="--top 0: show at least 1 class"):
        main()


def test_answers_that_are_no_numbers_stop_with_the_model(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that overflows names itself, not a share of nan%."""
    classifier = build_classifier(CARD.params, 3, seed=1, size=32)
    with torch.no_grad():
        classifier.state_dict()["head.3.weight"].fill_(3e38)
    save_model(model, classifier, CARD)
    name = str(photo(tmp_path / "a.png"))
    monkeypatch.setattr(sys, "argv", ["predict", name, "--model", str(model)])
    with pytest.raises(UserError, match=r"model answers .*a\.png with NaN"):
        main()


def test_bce_may_answer_none() -> None:
    """With bce an image that no class claims is none of these; softmax always picks one."""
    row = np.array([0.1, 0.3, 0.2])
    assert list(answers(row, ["a", "b", "c"], "bce", 1)) == ["none of these", "b 30.0%"]
    assert list(answers(row, ["a", "b", "c"], "cross_entropy", 2)) == ["b 30.0%", "c 20.0%"]
    assert list(answers(np.array([0.1, 0.9]), ["a", "b"], "bce", 1)) == ["b 90.0%"]
