"""The command line: `python -m tlcore train|check|measure|list|fetch|show|cancel|resume`. `--help` says the rest."""

from __future__ import annotations

import os
import sys

from tlcore.cli.main import main
from tlcore.settings import PATIENT_THREADS

if __name__ == "__main__":
    os.environ |= PATIENT_THREADS | os.environ
    sys.exit(main())
