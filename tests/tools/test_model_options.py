"""The options that name a model, as predict and evaluate have them."""

import argparse
from pathlib import Path

import pytest

from stages.base.errors import UserError
from stages.base.files import sha256_file
from stages.base.parts import PRIVATE_FOLDER
from stages.base.stage_lock import stage_lock
from stages.compare.dvc_cache import md5_of
from stages.tools.model_options import add_model_options, check_model_options, named_model
from tests.predict.small_model import CARD, export_model, make_model


def options(*arguments: str) -> argparse.Namespace:
    """Return the options as argparse reads them."""
    parser = argparse.ArgumentParser()
    add_model_options(parser)
    return parser.parse_args(arguments)


def test_a_folder_and_its_export_are_one_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model of the project, a folder and an .onnx have the card of the same model."""
    monkeypatch.chdir(tmp_path)
    folder = make_model(tmp_path / "data" / "model")
    file = export_model(folder).rename(tmp_path / "moved.onnx")
    for arguments in ((), ("--model", str(folder)), ("--model", str(file))):
        with named_model(options(*arguments)) as model:
            assert list(model.classifier.class_names) == CARD.class_names
            assert model.card_sha256 == sha256_file(folder / "model.json")


def test_a_model_that_a_run_has_removed_is_awaited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a stage runs and there is no model, the line names the stage, and --rev."""
    monkeypatch.chdir(tmp_path)
    with (
        stage_lock(PRIVATE_FOLDER, "fine_tune"),
        pytest.raises(UserError, match=r"since fine_tune \(process .* --rev HEAD"),
        named_model(options()),
    ):
        pass


def test_a_model_that_is_in_the_cache_is_brought_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where outputs are gone and DVC's cache has the model, checkout is named, and repro else."""
    monkeypatch.chdir(tmp_path)
    listing = b"[]"
    name = f"{md5_of(listing)}.dir"
    entry = f"    - path: data/model\n      hash: md5\n      md5: {name}\n"
    lock = f"schema: '2.0'\nstages:\n  fine_tune:\n    cmd: x\n    outs:\n{entry}"
    (tmp_path / "dvc.lock").write_text(lock)
    with (
        pytest.raises(UserError, match="there is no model in data/model; make one: make repro"),
        named_model(options()),
    ):
        pass
    cached = tmp_path / ".dvc/cache/files/md5" / name[:2] / name[2:]
    cached.parent.mkdir(parents=True)
    cached.write_bytes(listing)
    with (
        pytest.raises(UserError, match="bring it back: dvc checkout -f fine_tune"),
        named_model(options()),
    ):
        pass


def test_an_exported_file_takes_no_crops(tmp_path: Path) -> None:
    """Crops need the network itself."""
    with (
        pytest.raises(UserError, match=r"--crops ten: an \.onnx sees the centre"),
        named_model(options("--model", "a.onnx"), "ten"),
    ):
        pass


@pytest.mark.parametrize("right", ["0", "1", "95"])
def test_a_share_that_is_none_is_refused(right: str) -> None:
    """--right is a share between 0 and 1."""
    with pytest.raises(UserError, match="a share between 0 and 1"):
        check_model_options(options("--right", right))
