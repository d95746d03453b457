"""Trust: the temperature and the threshold that interpret found for a model."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from stages.base.errors import UserError
from stages.compare.dvc_cache import md5_of
from stages.compare.dvc_lock import output_hashes, read_lock
from stages.forms.onnx_classifier import OnnxFacts
from stages.predict.model_files import ModelFiles, ResultFiles

_INTERPRET = "interpret"
_CALIBRATED = "confidence is calibrated by a temperature of {:.2f}"
_NOT_CALIBRATED = "confidence is not calibrated"
_REMEDY = "dvc repro makes it for the model of the project"


@dataclass(frozen=True, kw_only=True)
class Trust:
    """How far the confidence of a model may be taken at its word."""

    temperature: float = 1.0  # divides the activations
    threshold: float | None = None  # of the confidence with it; None: not known
    lines: tuple[str, ...]  # what to tell people about both


class _Calibration(BaseModel):
    # In reports of the first versions thresholds are of confidence without a temperature, and
    # nothing says which one is applied.
    applied_temperature: float | None = None
    temperature: object


class _Threshold(BaseModel):
    threshold: float | None
    reason: str


class _Metrics(BaseModel):
    """What is read of details.json; see stats/metrics_record.py for the whole."""

    calibration: _Calibration
    sure: dict[str, _Threshold]  # by the level in percent


def untested(reason: str) -> Trust:
    """Return the trust in a model of which nothing is known, and why."""
    line = f"confidence is not calibrated and no threshold is known: {reason}"
    return Trust(lines=(line,))


def trust_in_export(facts: OnnxFacts, right: float) -> Trust:
    """Return the trust in an exported model: its file has the thresholds of its report."""
    found = {
        level: _Threshold(threshold=threshold, reason="the export has none")
        for level, threshold in facts.thresholds.items()
    }
    threshold, line = _threshold_of(found, right)
    calibrated = _CALIBRATED.format(facts.temperature) if facts.calibrated else _NOT_CALIBRATED
    return Trust(temperature=facts.temperature, threshold=threshold, lines=(calibrated, line))


def find_trust(model: ModelFiles, files: ResultFiles, right: float) -> Trust:
    """Return the trust in a model by the report of its model.

    The report counts only if dvc.lock says that it was made of this model. right: the share of
    answers that are to be right, for the threshold.
    """
    if model.card is None or model.lock is None or model.details is None:
        return untested(f"there is no {files.lock} and {files.details} of its run")
    lock = read_lock(model.lock, files.lock) or {}
    if _INTERPRET not in lock or lock[_INTERPRET].data.get(files.card) != md5_of(model.card):
        return untested(f"{files.details} is not of this model; {_REMEDY}")
    if output_hashes(lock).get(files.details) != md5_of(model.details):
        return untested(f"{files.details} is not the one that {files.lock} names; {_REMEDY}")
    try:
        metrics = _Metrics.model_validate_json(model.details)
    except ValidationError as error:
        detail = error.errors()[0]
        place = ".".join(map(str, detail["loc"]))
        raise UserError(
            f"{files.details} is damaged ({place}: {detail['msg']}); make it anew: dvc repro -f "
            f"-s {_INTERPRET}"
        ) from None
    temperature = metrics.calibration.applied_temperature
    if temperature is None:
        return untested(f"{files.details} is of an earlier version; {_REMEDY}")
    threshold, threshold_line = _threshold_of(metrics.sure, right)
    lines = (_temperature_line(metrics.calibration, temperature), threshold_line)
    return Trust(temperature=temperature, threshold=threshold, lines=lines)


def _temperature_line(calibration: _Calibration, applied: float) -> str:
    if calibration.temperature is None:
        return f"{_NOT_CALIBRATED}: too few validation images to fit a temperature"
    if applied == 1:
        return (
            "confidence is as the model gives it: on the validation photos a temperature made it"
            " worse"
        )
    return _CALIBRATED.format(applied)


def _threshold_of(sure: Mapping[str, _Threshold], right: float) -> tuple[float | None, str]:
    level = f"{100 * right:g}"
    unknown = f"no threshold is known from which on {level} % of the answers are right"
    found = sure.get(level)
    if found is None:
        levels = " and ".join(f"{float(name) / 100:g}" for name in sure)
        return None, f"{unknown}: the report has those of --right {levels}"
    if found.threshold is None:
        return None, f"{unknown}: {found.reason}"
    share = f"{100 * found.threshold:.1f} %"
    return found.threshold, (f"sure is an answer of at least {share}: {level} % of those are right")
