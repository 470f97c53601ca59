"""How a command is started that wants a terminal of its own, or answers to its prompts.

The command is put behind the program `runner.system.answering`, whose words show no more than the command's own
did: the answers go by a variable, which the command itself doesn't get to see.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

ANSWERS = "PYRUN_ANSWERS"
"""The variable that brings the answers: a list of pairs in JSON."""
PTY = "pty"
PIPE = "pipe"


def answering_call(
    argv: "Sequence[str]", *, pty: bool, respond: "Sequence[tuple[str, str]]", python: str
) -> tuple[tuple[str, ...], dict[str, str]]:
    """The words that start a command with a terminal or with answers, and the variables to add for them.

    Args:
        argv: The command's words.
        pty: Whether it gets a terminal.
        respond: Regular expressions for prompts, each with its answer. Enter is pressed behind an answer that
            does not end in a newline.
        python: The interpreter that has pyrun and Invoke.
    """
    # Only commands that have answers pay for it.
    from json import dumps  # noqa: PLC0415

    # Without `-P`, a folder `runner` of the project would be taken for this program's.
    words = (python, "-P", "-m", "runner.system.answering", PTY if pty else PIPE, *argv)
    return words, {ANSWERS: dumps([list(pair) for pair in respond])}
