"""The commands of a shell script: where one begins, and what its words are for.

The upper half of the scan that finds the context of every hole, over `runner.config.shell_quoting`. It follows
the grammar of the POSIX shell, and of bash where scripts commonly use it, only as far as that decides how a
value must be written. A script that no shell would take may pass: then the shell says so, and runs nothing of
it.
"""

import re

from runner.config.shell_commands import DECLARING, code_words, evaluates, reads_script
from runner.config.shell_heredoc import HereDocument, body_end, detail_for
from runner.config.shell_quoting import HOLE, LostError, Quoting, Word
from runner.model.template import BARE, COMMAND, HEREDOC, HEREDOC_RAW, PLAIN, QUOTED, WORD

_OPERATOR = re.compile(r";;&|;;|;&|;|&&|&|\|\||\|&|\|")
_REDIRECT = re.compile(r"&>>|&>|<<<|<<-|<<|<>|<&|<|>>|>\||>&|>")
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:\[[^\]]*\])?\+?=")
_ASSIGNED_HOLE = re.compile(r"[A-Za-z0-9_]*\0[A-Za-z0-9_\0]*(?:\[[^\]]*\])?\+?=")
_SUBSCRIPT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\[[^\]]*$")
_TILDE = re.compile(r"(?:^|[=:])~[^/:]*$")
_FILE_DESCRIPTOR = re.compile(r"[0-9]+|\{[A-Za-z_][A-Za-z0-9_]*\}")
_LIKE_FILE_DESCRIPTOR = re.compile(r"[0-9\0]*\0")
_OPENING = frozenset({"if", "while", "until", "{"})
_GOING_ON = frozenset({"then", "else", "elif", "do"})
_CLOSING = frozenset({"fi", "done", "}"})
# Variables whose value the shell evaluates by itself.
_EVALUATED = frozenset({
    "PS0", "PS1", "PS2", "PS4", "PROMPT_COMMAND", "ENV", "BASH_ENV", "SECONDS", "RANDOM", "SRANDOM", "OPTIND",
    "LINENO", "HISTCMD", "MAILPATH",
})  # fmt: skip


class _Level:
    """Where in a list of commands the scan is.

    Args:
        first: The number of the next hole.

    Attributes:
        words: The words of the present command.
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
        self.prefix = False
        self.here_documents: list[HereDocument] = []
        self.fed: list[Word] = []
        self.redirected = False


class Grammar(Quoting):
    """The scan of one script.

    Args:
        text: The script, a HOLE for each hole.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._waiting: list[HereDocument] = []
        self._assigned: list[Word] = []
        self._evaluates = False
        self._reader = ""
        self._feeds_compound = False

    def scan(self) -> None:
        """Find the context of every hole.

        Raises:
            LostError: A construct that can't be followed.
        """
        self.commands("")
        if self._waiting:
            raise LostError("a here-document without text")
        if self._reader and self._feeds_compound:
            self.plain(0, len(self.marks), self._reader)
        if self._evaluates:
            for word in self._assigned:
                self.plain(word.first, word.last, "an assignment beside `declare -i` or `-n`")

    def here_documents_wait(self) -> bool:
        """Whether the next line's end begins a here-document."""
        return self.blocked or bool(self._waiting)

    def substitution(self) -> None:
        """Go over commands up to behind the `)` that closes them; the `(` is done."""
        waiting, blocked = self._waiting, self.blocked
        self.blocked = self.here_documents_wait()
        self._waiting = []
        self.commands(")")
        if self._waiting:
            raise LostError("a here-document without text")
        self._waiting, self.blocked = waiting, blocked

    def commands(self, closer: str) -> str:
        """Go over commands.

        Args:
            closer: What ends them: `)`, or `esac` for those of a case, or empty for the end of the text.

        Returns:
            What ended them: `)`, `esac`, `;;` (whatever its kind), or `end`.
        """
        self.deeper()
        level = _Level(len(self.marks))
        ended = ""
        while not ended:
            self._skip()
            ended = self._step(level, closer)
        self.depth -= 1
        return ended

    def _step(self, level: _Level, closer: str) -> str:
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
            self._parenthesis(level)
        elif (letter in "<>" and self.peek(1) != "(") or (letter == "&" and self.peek(1) == ">"):
            self._redirect(level)
        elif letter in ";&|":
            return self._operator(level, closer)
        else:
            return self._item(level, closer)
        return ""

    def _skip(self, *, lines: bool = False) -> None:
        """Pass blanks, continued lines and comments, and with `lines` ends of lines too."""
        while letter := self.peek():
            if letter == "\\" and self.peek(1) == "\n":
                self.at += 2
            elif letter == "#":
                while self.peek() not in ("", "\n"):
                    if self.peek() == HOLE:
                        self.mark(PLAIN, "a comment")
                    self.at += 1
            elif letter == "\n" and lines:
                self._newline()
            elif letter in " \t":
                self.at += 1
            else:
                return

    # Ends of lines and commands

    def _end_line(self, level: _Level) -> None:
        goes_on = level.stage and not level.words and not level.after and not level.prefix
        self._finish(level)
        self._newline()
        if not goes_on:
            level.after = False
            level.pipeline(len(self.marks))

    def _newline(self) -> None:
        if self.blocked:
            raise LostError("a line's end between a `<<` and its text")
        self.at += 1
        waiting, self._waiting = self._waiting, []
        for document in waiting:
            self._here_document(document)

    def _operator(self, level: _Level, closer: str) -> str:
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

    def _finish(self, level: _Level) -> None:
        """Judge the words of a command, all of which are known now."""
        words = level.words
        if words:
            for word, why in code_words(words):
                self.plain(word.first, word.last, why)
            if words[0].text == "alias":
                raise LostError("an `alias`")
            self._evaluates = self._evaluates or evaluates(words)
            if reader := reads_script(words, piped=level.stage > 0):
                self._read_by(level, f"a script for `{reader}`")
        level.words = []

    def _read_by(self, level: _Level, why: str) -> None:
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
        else:
            self._reader = why
        for document in documents:
            document.why = why

    # Words

    def _item(self, level: _Level, closer: str) -> str:
        """A word, whatever it is for."""
        word = self._some_word()
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
            and (ended := self._keyword(word.text, level, closer))
        ):
            return "" if ended == "keyword" else ended
        if level.after:
            raise LostError("a word behind the end of a compound command")
        if first and self._assignment(word, level):
            return ""
        self.settle(word, COMMAND if first else self._argument(word, level))
        level.words.append(word)
        return ""

    def _some_word(self) -> Word:
        begin = self.at
        word = self.word()
        if self.at == begin:
            raise LostError("an operator where a word should be")
        return word

    def _argument(self, word: Word, level: _Level) -> str:
        """The detail of an argument's holes."""
        if level.words[0].text not in DECLARING:
            return ""
        match = _ASSIGNMENT.match(word.shape)
        if match and self.peek() == "(" and match.end() == len(word):
            self._array(word)
        return WORD

    def settle(self, word: Word, detail: str) -> None:
        """Give the unquoted holes of a word their contexts."""
        shape = word.shape if word.bare else ""
        for number, place in word.bare:
            before = shape[:place]
            if _TILDE.search(before):
                self.marks[number] = (PLAIN, "behind a `~`")
            elif detail == COMMAND and _SUBSCRIPT.match(before):
                self.marks[number] = (PLAIN, "an array's subscript")
            elif before.count("{") > before.count("}") and ".." in shape:
                self.marks[number] = (PLAIN, "a range in braces")
            elif (
                before.count("{") > before.count("}")
                or before.rfind("[") > before.rfind("]")
                or shape[place + 1 : place + 2] == "~"
            ):
                self.marks[number] = (BARE, QUOTED)
            else:
                self.marks[number] = (BARE, detail)
        if detail == COMMAND and _SUBSCRIPT.match(word.shape):
            raise LostError("a subscript with blanks")

    def _assignment(self, word: Word, level: _Level) -> bool:
        shape = word.shape
        if _ASSIGNED_HOLE.match(shape):
            self.settle(word, WORD)
            self.plain(word.first, word.last, "an assigned variable's name")
        elif match := _ASSIGNMENT.match(shape):
            self.settle(word, WORD)
            if HOLE in match[0]:
                self.plain(word.first, word.last, "an array's subscript")
            if match.end() == len(shape) and self.peek() == "(":
                self._array(word)
            self._assigned.append(word)
            if match[1] in _EVALUATED:
                self.plain(word.first, word.last, f"the value of `{match[1]}`, which the shell evaluates")
        else:
            return False
        level.prefix = True
        return True

    def _array(self, word: Word) -> None:
        """The words of an array, which become part of the assigning word."""
        self.at += 1
        self._skip(lines=True)
        while self.peek() != ")":
            item = self._some_word()
            self.settle(item, "")
            if item.shape.startswith("["):
                self.plain(item.first, item.last, "an array's subscript")
            self._skip(lines=True)
        self.at += 1
        word.last = len(self.marks)

    # Compound commands

    def _keyword(self, text: str, level: _Level, closer: str) -> str:
        """Act on a reserved word: `keyword`, or what it ends; empty if the word is none."""
        if text in _OPENING or text in _GOING_ON:
            if text in _OPENING:
                self._open(level)
            level.after = False
            level.pipeline(len(self.marks))
        elif text in _CLOSING:
            level.after = True
        elif text == "esac":
            if closer != "esac":
                raise LostError("an `esac` without `case`")
            return "esac"
        elif text == "coproc":
            raise LostError("a `coproc`")
        elif text == "function":
            self._skip()
            self._name_function(self._some_word())
        elif text in ("for", "select"):
            self._open(level)
            self._for(level)
        elif text in ("case", "[["):
            self._open(level)
            self._case() if text == "case" else self._condition()
            level.after = True
        elif text not in ("!", "time"):
            return ""
        return "keyword"

    def _open(self, level: _Level) -> None:
        if level.stage:
            self._feeds_compound = True

    def _parenthesis(self, level: _Level) -> None:
        if level.words:
            if len(level.words) > 1 or level.prefix:
                raise LostError("a `(` behind a word")
            self._name_function(level.words[0])
            level.words = []
            return
        if level.after or level.prefix:
            raise LostError("a `(` behind the end of a command")
        self._open(level)
        if self.peek(1) == "(":
            self.arithmetic("arithmetic, `(( ))`")
        else:
            self.at += 1
            self.commands(")")
        level.after = True

    def _name_function(self, word: Word) -> None:
        """The name of a function that is defined here, and its parentheses."""
        self.plain(word.first, word.last, "a function's name")
        self._skip()
        if self.peek() == "(":
            self.at += 1
            self._skip()
            if self.peek() != ")":
                raise LostError("a `(` behind a word")
            self.at += 1

    def _for(self, level: _Level) -> None:
        """A `for`, up to its `do`."""
        self._skip()
        if self.text.startswith("((", self.at, self.end):
            self.arithmetic("arithmetic, `for (( ))`")
            return
        name = self._some_word()
        self.plain(name.first, name.last, "the name that `for` assigns")
        self._skip(lines=True)
        if self.peek() == ";":
            return
        word = self._some_word()
        if not word.literal() or word.text not in ("in", "do"):
            raise LostError("a `for` without `in`")
        if word.text == "do":
            level.pipeline(len(self.marks))
            return
        self._skip()
        while self.peek() not in ("", "\n", ";"):
            self.settle(self._some_word(), "")
            self._skip()

    def _case(self) -> None:
        """A `case`, up to behind its `esac`."""
        self._skip()
        self.settle(self._some_word(), WORD)
        self._skip(lines=True)
        if self._some_word().text != "in":
            raise LostError("a `case` without `in`")
        ended = ""
        while ended != "esac":
            self._skip(lines=True)
            opened = self.peek() == "("
            self.at += opened
            self._skip()
            pattern = self._some_word()
            if not opened and pattern.literal() and pattern.text == "esac":
                return
            self._patterns(pattern)
            ended = self.commands("esac")

    def _patterns(self, pattern: Word) -> None:
        self.settle(pattern, QUOTED)
        self._skip()
        while self.peek() == "|":
            self.at += 1
            self._skip()
            self.settle(self._some_word(), QUOTED)
            self._skip()
        if self.peek() != ")":
            raise LostError("a pattern of `case` without `)`")
        self.at += 1

    def _condition(self) -> None:
        """A `[[`, up to behind its `]]`."""
        while True:
            self._skip(lines=True)
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

    # Redirections

    def _redirect(self, level: _Level) -> None:
        match = _REDIRECT.match(self.text, self.at)
        operator = match[0] if match else ""
        self.at += len(operator)
        self._check_whole()
        self._skip()
        begin = self.at
        word = self._some_word()
        level.prefix = level.prefix or not level.words
        if operator in ("<<", "<<-"):
            document = HereDocument(operator, word, self.text[begin : self.at])
            self._waiting.append(document)
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
            self._feeds_compound = True

    def _here_document(self, document: HereDocument) -> None:
        """The text of a here-document, from the begin of its first line to behind its last."""
        begin = self.at
        stop, behind = body_end(self.text, begin, self.end, document)
        end, self.end = self.end, stop
        while self.at < stop:
            self._body_letter(document, begin, stop)
        self.at, self.end = behind, end
        if document.why:
            why, context = document.why, (HEREDOC, HEREDOC_RAW)
            for number in self._holes_since(begin):
                if self.marks[number][0] in context:
                    self.marks[number] = (PLAIN, why)

    def _holes_since(self, begin: int) -> range:
        return range(len(self.marks) - self.text.count(HOLE, begin, self.at), len(self.marks))

    def _body_letter(self, document: HereDocument, begin: int, stop: int) -> None:
        letter = self.text[self.at]
        if letter == HOLE:
            detail = detail_for(self.text, self.at, begin, stop, document)
            if detail:
                self.mark(HEREDOC_RAW if document.raw else HEREDOC, detail)
            else:
                self.mark(PLAIN, "a here-document's line that without it is the delimiter")
            self.at += 1
        elif document.raw or letter not in "\\$`":
            self.at += 1
        elif letter == "\\":
            self._skip_letter("after a backslash")
        else:
            self._body_expansion()

    def _body_expansion(self) -> None:
        """A `$` or a backquote: quotes within are read after the lines are, so no quoting holds there."""
        begin, first = self.at, len(self.marks)
        self._expands(Word(first), "", quoted=True)
        if len(self.marks) > first:
            if "\n" in self.text[begin : self.at]:
                raise LostError("a substitution over several lines of a here-document")
            self.plain(first, len(self.marks), "a substitution in a here-document")
