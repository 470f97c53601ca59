"""The commands of a shell script: where each begins and ends, what feeds it, and what it reads as code.

The upper part of the scan that finds the context of every hole. It follows the grammar of the POSIX shell,
and of bash where scripts commonly use it, only as far as that decides how a value must be written. A script
that no shell would take may pass: then the shell says so, and runs nothing of it.
"""

import re

from runner.config.shell_commands import DECLARING, code_words, evaluates, reads_script, single_words
from runner.config.shell_compound import Compounds, Level
from runner.config.shell_heredoc import HereDocument
from runner.config.shell_quoting import HOLE, LostError, Word
from runner.config.shell_words import ASSIGNMENT
from runner.model.template import COMMAND, WORD

_OPERATOR = re.compile(r";;&|;;|;&|;|&&|&|\|\||\|&|\|")
_REDIRECT = re.compile(r"&>>|&>|<<<|<<-|<<|<>|<&|<|>>|>\||>&|>")
_FILE_DESCRIPTOR = re.compile(r"[0-9]+|\{[A-Za-z_][A-Za-z0-9_]*\}")
_LIKE_FILE_DESCRIPTOR = re.compile(r"[0-9]*\0[0-9\0]*")


class Grammar(Compounds):
    """The scan of one script.

    Args:
        text: The script, a HOLE for each hole.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._evaluates = False
        self._reader = ""

    def scan(self) -> None:
        """Find the context of every hole.

        Raises:
            LostError: A construct that can't be followed.
        """
        self.commands("")
        if self.waiting:
            raise LostError("a here-document without text")
        if self._reader and self.feeds_compound:
            self.plain(0, len(self.marks), self._reader)
        if self._evaluates:
            for word in self.assigned:
                self.plain(word.first, word.last, "an assignment beside `declare -i` or `-n`")

    def commands(self, closer: str) -> str:
        """Go over commands.

        Args:
            closer: What ends them: `)`, or `esac` for those of a case, or empty for the end of the text.

        Returns:
            What ended them: `)`, `esac`, `;;` (whatever its kind), or `end`.
        """
        self.deeper()
        level = Level(len(self.marks))
        ended = ""
        while not ended:
            self.skip()
            ended = self._step(level, closer)
        self.depth -= 1
        return ended

    def _step(self, level: Level, closer: str) -> str:
        letter = self.peek()
        if letter == ")" or not letter:
            self._finish(level)
            if letter != closer:
                raise LostError("parentheses or a `case` that do not match")
            self.at += 1
            return letter or "end"
        if letter == "\n":
            self._end_line(level)
        elif letter == "(":
            self.parenthesis(level)
        elif (letter in "<>" and self.peek(1) != "(") or (letter == "&" and self.peek(1) == ">"):
            self._redirect(level)
        elif letter in ";&|":
            return self._operator(level, closer)
        else:
            return self._item(level, closer)
        return ""

    # Ends of lines and commands

    def _end_line(self, level: Level) -> None:
        goes_on = level.stage and not level.words and not level.after and not level.prefix
        self._finish(level)
        self.newline()
        if not goes_on:
            level.after = False
            level.pipeline(len(self.marks))

    def _operator(self, level: Level, closer: str) -> str:
        match = _OPERATOR.match(self.text, self.at)
        operator = match[0] if match else ""
        self._finish(level)
        self.at += len(operator)
        self._check_whole()
        if operator in (";;", ";&", ";;&"):
            if closer != "esac":
                raise LostError(f"a `{operator}` outside of `case`")
            return ";;"
        if operator in ("|", "|&"):
            level.stage += 1
            level.compound = level.compound or level.after
            level.command()
        else:
            level.pipeline(len(self.marks))
        level.after = False
        return ""

    def _check_whole(self) -> None:
        """Refuse an operator whose letters are torn apart by a continued line."""
        place = self.at
        while self.text.startswith("\\\n", place, self.end):
            place += 2
        if place > self.at and self.text[place : place + 1] in tuple("<>|&;()"):
            raise LostError("an operator over two lines")

    def _finish(self, level: Level) -> None:
        """Judge the words of a command, all of which are known now."""
        words = level.words
        if words:
            for word, why in code_words(words):
                self.plain(word.first, word.last, why)
            for word in single_words(words):
                self.one_word(word)
            if any(word.text == "alias" for word in words[:2]):
                raise LostError("an `alias`")
            self._evaluates = self._evaluates or evaluates(words)
            if reader := reads_script(words, piped=level.stage > 0):
                self._read_by(level, f"a script for `{reader}`")
        level.words = []

    def _read_by(self, level: Level, why: str) -> None:
        """Note that a command takes its standard input for a program."""
        documents = level.here_documents
        if level.fed or documents:
            for word in level.fed:
                self.plain(word.first, word.last, why)
        elif level.redirected:
            return
        elif level.stage:
            self.plain(0 if level.compound else level.first, len(self.marks), why)
            documents = level.line
        elif self.inside:
            self._reader = why
        for document in documents:
            document.why = why

    # Words

    def _item(self, level: Level, closer: str) -> str:
        """A word, whatever it is for."""
        word = self.some_word()
        if self.peek() in ("<", ">"):
            shape = word.shape
            if _FILE_DESCRIPTOR.fullmatch(shape):
                return ""
            if _LIKE_FILE_DESCRIPTOR.fullmatch(shape):
                # A number right before a redirection would be a file descriptor.
                self.inserts.append((self.at, " "))
        first = not level.words
        if (
            first
            and not level.prefix
            and word.literal()
            and (ended := self.keyword(word.text, level, closer))
        ):
            return "" if ended == "keyword" else ended
        if level.after:
            raise LostError("a word behind the end of a compound command")
        if first and self.assignment(word):
            level.prefix = True
            return ""
        self.settle(word, COMMAND if first else self._argument(word, level))
        if first:
            level.unnamed = True
        elif level.unnamed:
            self.maybe_first(word)
        level.unnamed = level.unnamed and not word.text.strip(HOLE)
        level.words.append(word)
        return ""

    def _argument(self, word: Word, level: Level) -> str:
        """The detail of an argument's holes."""
        if level.words[0].text not in DECLARING:
            return ""
        match = ASSIGNMENT.match(word.shape)
        if match and self.peek() == "(" and match.end() == len(word):
            self.array(word)
        return WORD

    # Compound commands

    # Redirections

    def _redirect(self, level: Level) -> None:
        match = _REDIRECT.match(self.text, self.at)
        operator = match[0] if match else ""
        self.at += len(operator)
        self._check_whole()
        self.skip()
        begin = self.at
        word = self.some_word()
        level.prefix = level.prefix or not level.words
        if operator in ("<<", "<<-"):
            document = HereDocument(operator, word, self.text[begin : self.at])
            self.waiting.append(document)
            level.here_documents.append(document)
            level.line.append(document)
        elif operator in ("<&", ">&"):
            self.plain(word.first, word.last, "a file descriptor")
        else:
            self.settle(word, WORD)
            if operator == "<<<" or word.process:
                level.fed.append(word)
            level.redirected = level.redirected or operator == "<"
        if level.after and operator[0] == "<":
            self.feeds_compound = True
