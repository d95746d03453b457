"""A matplotlib figure as inline SVG that takes the page's colours, fonts and dark mode.

Figures are drawn in stand-in colours; each becomes a CSS variable of the page. Text stays text:
it can be read aloud, searched, and shown in any script, since the browser has the fonts.
"""

import io
import re
import warnings
from typing import Any
from xml.etree import ElementTree

from matplotlib import rc_context
from matplotlib.figure import Figure

# Stand-ins: name of the CSS variable -> a colour that nothing else uses.
INK, MUTED, LINE, ACCENT, WARM, CARD = (
    "#010203", "#040506", "#070809", "#0a0b0c", "#0d0e0f", "#101112",
)  # fmt: skip
VARIABLES = {
    INK: "ink", MUTED: "muted", LINE: "line", ACCENT: "accent", WARM: "warm", CARD: "card",
}  # fmt: skip
NAMESPACE = "http://www.w3.org/2000/svg"
ElementTree.register_namespace("", NAMESPACE)
ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")
FOREIGN = {f"{{{NAMESPACE}}}metadata", f"{{{NAMESPACE}}}style"}
TEXT = {f"{{{NAMESPACE}}}text", f"{{{NAMESPACE}}}tspan"}
SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 12,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "legend.frameon": False,
    "lines.linewidth": 2,
    "lines.solid_capstyle": "round",
}


def blank(width: float, height: float) -> Figure:
    """Return an empty figure of this size in CSS pixels."""
    return Figure(figsize=(width / 72, height / 72), dpi=72)


def inline(figure: Figure, name: str) -> str:
    """Return the figure as an <svg> element for a page; `name` keeps its ids apart from others'.

    The same figure gives the same bytes: ids are hashed from the name, and no date is written.
    """
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with rc_context({**SETTINGS, "svg.hashsalt": name}), warnings.catch_warnings():
        # The measuring font lacks scripts that the browser has.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        figure.savefig(buffer, format="svg", metadata=nothing, transparent=True)
    root = ElementTree.fromstring(buffer.getvalue())
    _adapt(root)
    return ElementTree.tostring(root, encoding="unicode")


def _adapt(root: ElementTree.Element) -> None:
    """Strip what belongs to a file of its own, and hand colours and fonts to the page."""
    width = root.attrib["viewBox"].split()[2]
    root.set("style", f"--width: {width}px")
    for attribute in ("width", "height"):
        root.attrib.pop(attribute, None)
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag in FOREIGN]:
            parent.remove(child)
    used = {name for element in root.iter() for name in _references(element)}
    for element in root.iter():
        if "style" in element.attrib:
            element.set("style", _style(element.attrib["style"]))
        if element.get("id") not in used:
            element.attrib.pop("id", None)
        if element.tag not in TEXT and not (element.text or "").strip():
            element.text = None
        element.tail = None


def _style(style: str) -> str:
    style = re.sub(r"font: ([\d.]+)px [^;]*", r"font-size: \1px", style)
    style = re.sub(r"font-family: [^;]*; ?", "", style)
    for colour, variable in VARIABLES.items():
        style = style.replace(colour, f"var(--{variable})")
    return style


def _references(element: ElementTree.Element) -> list[str]:
    found = [re.findall(r"url\(#([^)]+)\)|^#(.+)$", value) for value in element.attrib.values()]
    return [one or other for matches in found for one, other in matches]
