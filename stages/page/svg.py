"""A matplotlib figure as inline SVG that takes the page's colours, fonts and dark mode.

Figures are drawn in stand-in colours; each becomes a CSS variable of the page. Text stays text:
it can be read aloud, searched, and set in any script, since the browser has the fonts.
"""

import io
import re
import warnings
from typing import Any
from xml.etree import ElementTree as ET

from matplotlib import rc_context
from matplotlib.figure import Figure

# Stand-ins: colours that nothing else uses.
INK = "#010203"
MUTED = "#040506"
LINE = "#070809"
ACCENT = "#0a0b0c"
WARM = "#0d0e0f"
# Stand-in -> name of the CSS variable.
CSS_VARIABLES = {INK: "ink", MUTED: "muted", LINE: "line", ACCENT: "accent", WARM: "warm"}
_NAMESPACE = "http://www.w3.org/2000/svg"
ET.register_namespace("", _NAMESPACE)
ET.register_namespace("xlink", "http://www.w3.org/1999/xlink")
_FILE_ONLY_TAGS = {f"{{{_NAMESPACE}}}metadata", f"{{{_NAMESPACE}}}style"}
_TEXT_TAGS = {f"{{{_NAMESPACE}}}text", f"{{{_NAMESPACE}}}tspan"}
RC_SETTINGS: dict[Any, Any] = {
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


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of this size in CSS pixels."""
    return Figure(figsize=(width / 72, height / 72), dpi=72)


def inline_svg(figure: Figure, name: str) -> str:
    """Return the figure as an <svg> element for a page; `name` makes its ids unique on the page.

    The same figure gives the same bytes: ids are hashed from the name, and no date is written.
    """
    buffer = io.StringIO()
    no_metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with rc_context({**RC_SETTINGS, "svg.hashsalt": name}), warnings.catch_warnings():
        # The font that measures text lacks scripts that the browser has.
        warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        figure.savefig(buffer, format="svg", metadata=no_metadata, transparent=True)
    root = ET.fromstring(buffer.getvalue())  # noqa: S314 - written by matplotlib, a line above
    _adapt_to_page(root)
    return ET.tostring(root, encoding="unicode")


def _adapt_to_page(root: ET.Element) -> None:
    """Remove what belongs to a file of its own, and leave colours and fonts to the page."""
    width = root.attrib["viewBox"].split()[2]
    root.set("style", f"--width: {width}px")
    for attribute in ("width", "height"):
        root.attrib.pop(attribute, None)
    for parent in list(root.iter()):
        for child in [child for child in parent if child.tag in _FILE_ONLY_TAGS]:
            parent.remove(child)
    referenced_ids = {name for element in root.iter() for name in _references(element)}
    for element in root.iter():
        if "style" in element.attrib:
            element.set("style", _page_style(element.attrib["style"]))
        if element.get("id") not in referenced_ids:
            element.attrib.pop("id", None)
        if element.tag not in _TEXT_TAGS and not (element.text or "").strip():
            element.text = None
        element.tail = None


def _page_style(style: str) -> str:
    """Return a style with the page's variables for colours, and no font but its size.

    >>> _page_style("font: 12px 'DejaVu Sans'; fill: #040506")
    'font-size: 12px; fill: var(--muted)'
    """
    style = re.sub(r"font: ([\d.]+)px [^;]*", r"font-size: \1px", style)
    style = re.sub(r"font-family: [^;]*; ?", "", style)
    for colour, variable in CSS_VARIABLES.items():
        style = style.replace(colour, f"var(--{variable})")
    return style


def _references(element: ET.Element) -> list[str]:
    """Return the ids that an element points at, by url(#id) or by #id."""
    matches = [
        match
        for value in element.attrib.values()
        for match in re.findall(r"url\(#([^)]+)\)|^#(.+)$", value)
    ]
    return [by_url or by_address for by_url, by_address in matches]
