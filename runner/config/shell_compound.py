"""The compound commands of a shell script: reserved words, functions and parentheses."""

from runner.config.shell_heredoc import HereDocument
from runner.config.shell_quoting import HOLE, LostError, Word
from runner.config.shell_words import (
    RESERVED_BETWEEN,
    RESERVED_CLOSING,
    RESERVED_OPENING,
    Words,
)
from runner.model.template import COMMAND, QUOTED, WORD


class Level:
    """Where in a list of commands the scan is.

    Args:
        first: The number of the next hole.

    Attributes:
        words: The words of the present command.
        unnamed: Whether all of them may turn out to be nothing at all.
        prefix: Whether an assignment or a redirection came before its first word.
        after: Whether a compound command has just ended.
        first: The number of the first hole of the present pipeline.
        stage: How many `|` came before in it.
        compound: Whether a compound command stands left of one of them.
        here_documents: Those of the present command.
        line: Those of the whole pipeline.
        fed: Words that its standard input comes from.
        redirected: Whether its standard input comes from a file.
    """

    __slots__ = (
        "after",
        "compound",
        "fed",
        "first",
        "here_documents",
        "line",
        "prefix",
        "redirected",
        "stage",
        "unnamed",
        "words",
    )

    def __init__(self, first: int) -> None:
        self.pipeline(first)
        self.after = False

    def pipeline(self, first: int) -> None:
        """A pipeline begins."""
        self.first = first
        self.stage = 0
        self.compound = False
        self.line: list[HereDocument] = []
        self.command()

    def command(self) -> None:
        """A command begins."""
        self.words: list[Word] = []
        self.unnamed = True
        self.prefix = False
        self.here_documents: list[HereDocument] = []
        self.fed: list[Word] = []
        self.redirected = False


class Compounds(Words):
    """The scan of compound commands.

    Attributes:
        inside: How many of them are open.
        feeds_compound: Whether the standard input of one comes from the script itself.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.inside = 0
        self.feeds_compound = False

    def keyword(self, text: str, level: Level, closer: str) -> str:
        """Act on a reserved word: `keyword`, or what it ends; empty if the word is none."""
        if text in RESERVED_OPENING or text in RESERVED_BETWEEN:
            if text in RESERVED_OPENING:
                self.open_compound(level)
            level.after = False
            level.pipeline(len(self.marks))
        elif text in RESERVED_CLOSING:
            self.close_compound(level)
        elif text == "esac":
            if closer != "esac":
                raise LostError("an `esac` without `case`")
            return "esac"
        elif text == "coproc":
            raise LostError("a `coproc`")
        elif text not in ("!", "time"):
            return self._clause(text, level)
        return "keyword"

    def _clause(self, text: str, level: Level) -> str:
        """Act on a reserved word that words of its own follow, as `keyword` does."""
        if text == "function":
            self.skip()
            self._name_function(self.some_word())
        elif text in ("for", "select"):
            self.open_compound(level)
            self._for(level)
        elif text in ("case", "[["):
            self.open_compound(level)
            self._case() if text == "case" else self._condition()
            self.close_compound(level)
        else:
            return ""
        return "keyword"

    def open_compound(self, level: Level) -> None:
        """A compound command begins."""
        self.feeds_compound = self.feeds_compound or level.stage > 0
        self.inside += 1

    def close_compound(self, level: Level) -> None:
        """A compound command ends."""
        level.after = True
        self.inside -= 1

    def parenthesis(self, level: Level) -> None:
        """A `(`, which opens a subshell, arithmetic, or the parentheses of a function."""
        if level.words:
            if len(level.words) > 1 or level.prefix:
                raise LostError("a `(` behind a word")
            self._name_function(level.words[0])
            level.words = []
            return
        if level.after or level.prefix:
            raise LostError("a `(` behind the end of a command")
        self.open_compound(level)
        if self.peek(1) == "(":
            self.arithmetic("arithmetic, `(( ))`")
        else:
            self.at += 1
            self.commands(")")
        self.close_compound(level)

    def _name_function(self, word: Word) -> None:
        """The name of a function that is defined here, and its parentheses."""
        self.plain(word.first, word.last, "a function's name")
        self.skip()
        if self.peek() == "(":
            self.at += 1
            self.skip()
            if self.peek() != ")":
                raise LostError("a `(` behind a word")
            self.at += 1

    def _for(self, level: Level) -> None:
        """A `for`, up to its `do`."""
        self.skip()
        if self.text.startswith("((", self.at, self.end):
            self.arithmetic("arithmetic, `for (( ))`")
            return
        name = self.some_word()
        self.plain(name.first, name.last, "the name that `for` assigns")
        self.skip(lines=True)
        if self.peek() == ";":
            return
        word = self.some_word()
        if not word.literal() or word.text not in ("in", "do"):
            raise LostError("a `for` without `in`")
        if word.text == "do":
            level.pipeline(len(self.marks))
            return
        self.skip()
        first = True
        while self.peek() not in ("", "\n", ";"):
            word = self.some_word()
            # bash takes an `esac` right behind the `in` for the end of a `case` around the loop.
            self.settle(word, COMMAND if first and set(word.shape) <= set(HOLE + "esac") else "")
            first = False
            self.skip()

    def _case(self) -> None:
        """A `case`, up to behind its `esac`."""
        self.skip()
        self.settle(self.some_word(), WORD)
        self.skip(lines=True)
        if self.some_word().text != "in":
            raise LostError("a `case` without `in`")
        ended = ""
        while ended != "esac":
            self.skip(lines=True)
            opened = self.peek() == "("
            self.at += opened
            self.skip()
            pattern = self.some_word()
            if not opened and pattern.literal() and pattern.text == "esac":
                return
            self._patterns(pattern)
            ended = self.commands("esac")

    def _patterns(self, pattern: Word) -> None:
        self.settle(pattern, QUOTED)
        self.skip()
        while self.peek() == "|":
            self.at += 1
            self.skip()
            self.settle(self.some_word(), QUOTED)
            self.skip()
        if self.peek() != ")":
            raise LostError("a pattern of `case` without `)`")
        self.at += 1

    def _condition(self) -> None:
        """A `[[`, up to behind its `]]`."""
        while True:
            self.skip(lines=True)
            letter = self.peek()
            if not letter or letter == ";" or self.text.startswith("<<", self.at, self.end):
                raise LostError("a `[[` without `]]`")
            if letter in "&|()<>" and self.peek(1) != "(":
                self.at += 1
                continue
            begin = self.at
            word = self.word()
            self.at += self.at == begin
            for number in word.direct:
                self.plain(number, number + 1, "a condition, `[[ ]]`")
            if word.literal() and word.text == "]]":
                return
