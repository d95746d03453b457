"""What torchrun starts on each of two machines: one model, which they train together."""

import sys
from pathlib import Path

from tests.train.two_processes import train

if __name__ == "__main__":
    train(Path(sys.argv[1]))
