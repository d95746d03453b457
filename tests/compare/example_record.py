"""A made-up comparison, as compare.json has it."""

from typing import Any


def ends(value: float, low: float, high: float) -> dict[str, float]:
    """Return a value with its interval."""
    return {"value": value, "low": low, "high": high}


def stage(name: str, effect: str = "possible", **changes: Any) -> dict[str, Any]:
    """Return what differs at one stage."""
    nothing: dict[str, Any] = {"params": {}, "packages": {}, "code": {}, "inputs": {}}
    return {"stage": name, "effect": effect, **nothing, **changes}


def record(**changes: Any) -> dict[str, Any]:
    """Return a comparison of 200 images that cannot tell, with some values replaced."""
    made = {
        "base": "main",
        "other": "branch",
        "base_commit": "0123456789",
        "other_commit": "9876543210",
        "verdict": "cannot tell",
        "difference": ends(-0.01, -0.03, 0.01),
        "p": 0.4,
        "p_holm": 0.4,
        "n_common": 200,
        "error_rate": {"base": 0.05, "other": 0.04},
        "only_base_right": 4,
        "only_other_right": 6,
        "images_to_tell": 7700,
        "macro_f1": {"base": 0.94, "other": 0.95, "difference": ends(0.01, -0.02, 0.04)},
        "log_loss": {"base": 0.2, "other": 0.15, "difference": ends(-0.05, -0.1, 0.01)},
        "seeds": None,
        "confidence": {
            "base": {"confidence": 0.9, "accuracy": 0.95, "gap": 0.05},
            "other": {"confidence": 0.95, "accuracy": 0.96, "gap": 0.02},
        },
        "not_common": {},
        "classes": [
            {
                "label": "cat", "images": 100, "base": 0.05, "other": 0.03, "low": -0.05,
                "high": 0.01, "p": 0.5, "p_holm": 0.5, "verdict": "cannot tell",
            }
        ],
        "newly_wrong": [{"path": "a/b.jpg", "actual": "cat", "base": "cat", "other": "dog"}],
        "newly_right": [],
        "changed": {
            "stages": [stage("fine_tune", params={"fine_tune.epochs": (4, 8)})],
            "data": {"counts": {}, "by_class": {}},
        },
        "notes": [],
    }  # fmt: skip
    return {**made, **changes}
