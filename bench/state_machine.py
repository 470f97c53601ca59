# ruff: noqa: INP001 - a program, not a package
"""The state machine of `tests/features/test_state_machine.py` for any number of steps: `STEPS [SEED]`.

Prints the seed of each round and the steps done so far; what goes wrong is told as the test tells it.
"""

import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from tests.features.test_state_machine import STEPS, machine, steps

_ROUND = 20
"""Projects between two lines of what was done."""


def main() -> None:
    """Do at least that many steps."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    number = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(2**32)
    while sum(steps.values()) < wanted:
        sys.stdout.write(f"seed {number}: ")
        sys.stdout.flush()
        machine(min(_ROUND, 1 + (wanted - sum(steps.values())) // STEPS), number)
        sys.stdout.write(f"{sum(steps.values())} steps\n")
        number += 1
    sys.stdout.write("".join(f"{count:7} {what}\n" for what, count in steps.most_common()))
    sys.stdout.write(f"in all {sum(steps.values())}\n")


if __name__ == "__main__":
    main()
