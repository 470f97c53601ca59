"""`python -m runner`: the same as the `pyrun` command."""

import os
import sys

if os.getpid() == 1:
    from runner.system.stop_signals import end_on_signals

    end_on_signals()
else:
    from runner.cli.replay import replay

    replay(sys.argv[1:])

from runner.cli.main import main

sys.exit(main())
