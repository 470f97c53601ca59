"""`python -m runner`: the same as the `pyrun` command."""

import sys

from runner.cli.main import main

sys.exit(main())
