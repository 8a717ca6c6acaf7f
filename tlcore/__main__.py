"""The command line: `python -m tlcore train|check|measure|list|fetch|show|cancel|resume`. `--help` says the rest."""

from __future__ import annotations

import sys

from tlcore.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
