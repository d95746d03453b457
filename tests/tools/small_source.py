"""A small repository whose stages import, read params and name files in every way there is."""

from pathlib import Path

SOURCE = {
    "__init__.py": "",
    "base/__init__.py": "",
    "base/params.py": "def read_seed():\n    return read_value('seed', int)\n",
    "base/tool.py": "import os\nimport numpy as np\n",
    "deep/__init__.py": "",
    "deep/one.py": "from stages.base import tool\nPAGE = 'page.html'\nNOT = 'absent.html'\n",
    "deep/two.py": "def f():\n    import PIL.Image\n    from stages.deep.one import PAGE\n",
    "deep/unused.py": "import torch\n",
    "deep/page.html": "<p>",
    "train.py": (
        '"""Train: a small network on photos.\n\nMore of it."""\n'
        "from stages.base.params import read_section, read_seed, read_value\n"
        "from stages.deep.two import f\n"
        "def main():\n"
        "    read_section('train', object)\n"
        "    read_value('train.rate', float)\n"
        "    read_value('data.size', int)\n"
        "    read_seed()\n"
    ),
    "copy.py": '"""Copy photos."""\nimport json\n',
}
CLOSURE = {
    "stages/train.py",
    "stages/base/params.py",
    "stages/base/tool.py",
    "stages/deep/one.py",
    "stages/deep/two.py",
    "stages/deep/page.html",
}


def write_module(repo: Path, name: str, text: str) -> None:
    """Write a file below stages/ of the small repository."""
    path = repo / "stages" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def write_source(repo: Path) -> None:
    """Write all of stages/ of the small repository."""
    for name, text in SOURCE.items():
        write_module(repo, name, text)
