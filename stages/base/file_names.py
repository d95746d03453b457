r"""File names: UTF-8 on the disk, and other text where the locale of the shell reads other letters.

Python then has "diéc.jpg" as "di\udcc3\udca9c.jpg", and DVC hashes it as that.
"""

import locale
import os
import sys

from stages.base.errors import RUN_AGAIN, UserError


def utf8_name(name: str) -> str:
    r"""Return a name as text that can be written; bytes that are not UTF-8 become \xff."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def refuse_locale(name: str) -> None:
    """Refuse a name outside ASCII where the locale reads names in another encoding than UTF-8."""
    encoding = sys.getfilesystemencoding()
    if name.isascii() or encoding == "utf-8":
        return
    raise UserError(
        f"{name}: names are UTF-8, and the locale {locale.setlocale(locale.LC_CTYPE)} of this shell"
        f" reads them as {encoding}; set PYTHONUTF8=1 and {RUN_AGAIN}"
    )
