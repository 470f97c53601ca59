"""What a command says, and what is typed for it.

Only the program `runner.system.answering` may import this module: it brings Invoke along.
"""

import codecs
from collections.abc import Iterator, Sequence

from invoke.watchers import Responder

_WINDOW = 1 << 14
"""Characters of output, at the most, in which a prompt is recognized."""


class Prompt:
    """A prompt in one stream, and its answer.

    Args:
        pattern: What it looks like.
        answer: What is typed then.
    """

    def __init__(self, pattern: str, answer: str) -> None:
        self._responder = Responder(pattern, answer)
        self._text = ""

    def feed(self, text: str) -> Iterator[str]:
        """The answers to more text of the stream; text that had one is not looked at again."""
        self._text += text
        answers = list(self._responder.submit(self._text))
        self._text = "" if answers else self._text[-_WINDOW:]
        self._responder.index = 0
        yield from answers


class Stream:
    """One way by which output comes.

    Args:
        fd: Where it comes from.
        to: Where it goes.
        answers: Patterns with their answers.
    """

    def __init__(self, fd: int, to: int, answers: Sequence[tuple[str, str]]) -> None:
        self.fd = fd
        self.to: int | None = to
        self.prompts = [Prompt(pattern, answer) for pattern, answer in answers]
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def answers(self, data: bytes) -> Iterator[str]:
        """What is to be typed after more output."""
        text = self._decoder.decode(data) if self.prompts else ""
        for prompt in self.prompts:
            yield from prompt.feed(text)
