"""Review: the report served on this computer, where decisions are saved as they are made.

Reads   reports/index.html, data/model/ and the report of its run, for a dropped photo
Writes  data/corrections.csv; and runs dvc repro when the page asks for it
Run     make review, or python -m stages.tools.review [--no-browser] [--port 8123]

Only this computer reaches it, and only who has the address, which it prints. Ctrl-C ends it, and a
run that is going with it.
"""

from stages.base.environment import prepare_process

prepare_process()

import argparse
import os
import sys
import webbrowser
from contextlib import suppress
from pathlib import Path
from secrets import token_urlsafe
from threading import Thread

from stages.base.entry_point import run_command
from stages.base.errors import UserError
from stages.base.files import sha256_bytes
from stages.base.parts import PRIVATE_FOLDER
from stages.base.stage_lock import required_lock, stage_at_work
from stages.base.terminal import say
from stages.predict.model_files import content_of, model_in_folder
from stages.predict.trust import find_trust
from stages.serve.application import LARGEST_BODIES, ReviewFiles, ReviewServer
from stages.serve.corrections_file import read_state
from stages.serve.dropped_photo import DroppedPhotos, LoadedModel
from stages.serve.guard import Guard, GuardRules
from stages.serve.local_server import LOOPBACK, open_port, serve
from stages.serve.outside_run import OutsideRun
from stages.serve.rerun import Rerun
from stages.serve.served_page import read_report_page
from stages.tools.model_options import RESULTS
from stages.tools.project_files import PROJECT_FILES

_CORRECTIONS = Path("data/corrections.csv")
_PORT = 8123  # few programs take it; a fixed one keeps what the browser remembers
_RIGHT = 0.95  # share of the answers called sure that are right
_COMMAND = [sys.executable, "-m", "dvc", "repro"]


def main() -> None:
    """Serve until Ctrl-C."""
    options = _options()
    files = ReviewFiles(page=Path(PROJECT_FILES.page), corrections=_CORRECTIONS)
    read_state(files.corrections, read_report_page(files.page).photos, ())
    lock = PRIVATE_FOLDER / "review"
    with open_port(options.port) as listener:
        port = listener.getsockname()[1]
        token = token_urlsafe(32)
        address = f"http://{LOOPBACK}:{port}/{token}/"
        # DVC takes python from PATH.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        rerun = Rerun(_COMMAND, {**os.environ, "PATH": path})
        dropped = DroppedPhotos(_model_key, _load_model)
        outside = OutsideRun(lambda: stage_at_work(PRIVATE_FOLDER))
        server = ReviewServer(files, rerun, outside, dropped)
        rules = GuardRules(authority=f"{LOOPBACK}:{port}", token=token, most_bytes=LARGEST_BODIES)

        def started() -> None:
            say(f"The review: {address}", "Ctrl-C ends it; decisions are saved as they are made.")
            sys.stdout.flush()
            if options.browser:  # a browser in the terminal would hold up the server
                Thread(target=webbrowser.open, args=(address,), daemon=True).start()

        try:
            with (
                required_lock(lock, f"process {os.getpid()}", _reviewed_already),
                suppress(KeyboardInterrupt),
            ):
                serve(listener, lambda ending: Guard(server.application(ending), rules), started)
        finally:
            stage = rerun.end()
            dropped.end()
    if stage is not None:
        say("", *_ended_run(stage))
    say("", f"Ended. Decisions are in {_CORRECTIONS}; `make repro` applies them.")


def _ended_run(stage: str) -> list[str]:
    """Return what an ended run leaves: DVC removed the outputs of the stage that was at work."""
    if not stage:
        return ["The run was ended before its first stage; `make repro` begins it again."]
    return [
        f"The run was ended in {stage}: outputs of {stage} are gone for now; `make repro` goes on.",
        f"The last ones, until then: dvc checkout -f {stage} && git restore reports",
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m stages.tools.review", description=(__doc__ or "").split("\n")[0]
    )
    add = parser.add_argument
    add("--no-browser", dest="browser", action="store_false", help="open no browser")
    add("--port", type=int, default=_PORT, help="the first to try; default: %(default)s")
    options = parser.parse_args()
    if not 0 < options.port < 2**16:
        raise UserError(f"--port {options.port}: a port is from 1 to 65535")
    return options


def _model_key() -> str:
    """Return a name of the model that lies on the disk, "" for none."""
    card = content_of(Path(RESULTS.card))
    return sha256_bytes(card) if card else ""


def _load_model() -> LoadedModel:
    """Return the fine-tuned model; UserError where there is none."""
    # torch and timm take 3 s to import, which only a dropped photo needs.
    from stages.predict.torch_classifier import open_torch_classifier  # noqa: PLC0415

    key = _model_key()
    if not key:
        raise UserError(f"{RESULTS.model} holds no model; `make repro` makes it")
    trust = find_trust(model_in_folder(Path(RESULTS.model), RESULTS), RESULTS, _RIGHT)
    classifier = open_torch_classifier(Path(RESULTS.model), trust.temperature, "none")
    return LoadedModel(classifier=classifier, trust=trust, key=key)


def _reviewed_already(owner: str) -> UserError:
    return UserError(f"a review of this folder is open already ({owner}); end it with Ctrl-C")


if __name__ == "__main__":
    run_command(main)
