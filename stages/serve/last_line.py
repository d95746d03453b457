"""Last line: what a terminal would show at its bottom, from the bytes that a program prints."""

import codecs
import re

# Colours, moves of the cursor and titles of windows.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_STAGE = re.compile(r"Running stage '([\w@-]+)'")
_KEPT = 200  # characters of a line
_MOST_LINES = 12
_MOST_PENDING = 10_000  # characters without an end of line; a bar has some hundred


class LastLine:
    """The lines of a program's output while they come; a bar redraws its line again and again."""

    def __init__(self) -> None:
        """Begin with no output."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = ""
        self.line = ""  # the last one with something in it
        self.stage = ""  # that DVC runs
        self.tail: list[str] = []  # the last whole lines

    def add(self, output: bytes) -> None:
        """Take the next bytes."""
        self._pending += self._decoder.decode(output)
        *whole, self._pending = re.split(r"(?<=\n)", self._pending)
        for line in whole:
            self._show(line)
            if self.line and line.strip():
                self.tail = [*self.tail, self.line][-_MOST_LINES:]
        self._pending = self._pending[-_MOST_PENDING:]
        self._show(self._pending)

    def _show(self, text: str) -> None:
        drawn = [part.strip() for part in _ESCAPES.sub("", text).split("\r")]
        visible = ["".join(filter(str.isprintable, part)) for part in drawn if part]
        if not visible:
            return
        self.line = visible[-1][:_KEPT]
        for found in _STAGE.findall(self.line):
            self.stage = found
