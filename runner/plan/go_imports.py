"""What one Go file asks for: its imports, and the files that it embeds.

Reads bytes and knows nothing of modules or folders. Build constraints are not looked at: what a file imports
counts for all platforms and tags. The text is read as far as the imports go and no further, because Go allows
none behind the first declaration; a file that is no proper Go gives what could be read of it, since the
compiler tells what is wrong better than a runner can.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    Scan = tuple[tuple[str, ...], tuple[str, ...]]

_EMBED = b"//go:embed"
_SPACE = b" \t\r\n;"
_WORD_ENDS = b' \t\r\n;("`/'


def scan(source: bytes) -> "Scan":
    """The imported paths and the embedding patterns.

    Both stand in the order of the file, repeated where they are. `C`, which stands for cgo, is among the
    paths. A pattern keeps its `all:`. As for the compiler, patterns count only in a file that
    imports `embed`. They are looked for where a line begins, so that one in a raw string or a block comment
    is given, too. The same bytes always give the same answer.
    """
    imports = _imports(source)
    return tuple(imports), _embeds(source) if "embed" in imports else ()


def _imports(source: bytes) -> list[str]:
    found: list[str] = []
    at = _token(source, 3 if source.startswith(b"\xef\xbb\xbf") else 0)
    if not source.startswith(b"package", at):
        return found
    at = _token(source, _word_end(source, _token(source, at + 7)))
    while source.startswith(b"import", at) and _word_end(source, at) == at + 6:
        at = _token(source, at + 6)
        if source.startswith(b"(", at):
            at = _token(source, at + 1)
            while at < len(source) and source[at] != 0x29:  # the closing parenthesis
                at = _spec(source, at, found)
            at = _token(source, at + 1)
        else:
            at = _spec(source, at, found)
    return found


def _spec(source: bytes, at: int, found: list[str]) -> int:
    """Reads an import's name, if it has one, and its path; gives the begin of the next token."""
    if source[at : at + 1] not in (b'"', b"`"):
        at = _token(source, _word_end(source, at))
    quote = source[at : at + 1]
    end = source.find(quote, at + 1) if quote in (b'"', b"`") else -1
    if end < 0:
        return len(source)
    found.append(source[at + 1 : end].decode("utf-8", "surrogateescape"))
    return _token(source, end + 1)


def _token(source: bytes, at: int) -> int:
    """Where the next token begins that is neither space, semicolon nor comment; the end if there is none."""
    size = len(source)
    while at < size:
        if source[at] in _SPACE:
            at += 1
        elif source.startswith(b"//", at):
            at = source.find(b"\n", at)
            if at < 0:
                return size
        elif source.startswith(b"/*", at):
            at = source.find(b"*/", at + 2) + 2
            if at < 2:
                return size
        else:
            return at
    return size


def _word_end(source: bytes, at: int) -> int:
    """The end of the word at this place, which has one character at the least."""
    size = len(source)
    at += 1
    while at < size and source[at] not in _WORD_ENDS:
        at += 1
    return min(at, size)


def _embeds(source: bytes) -> tuple[str, ...]:
    found: list[str] = []
    at = source.find(_EMBED)
    while at >= 0:
        begin, end = at + len(_EMBED), source.find(b"\n", at)
        line = source[begin:] if end < 0 else source[begin:end]
        before = source[source.rfind(b"\n", 0, at) + 1 : at]
        if line[:1] in (b" ", b"\t") and not before.strip():
            found += _patterns(line.decode("utf-8", "surrogateescape"))
        at = source.find(_EMBED, begin)
    return tuple(found)


def _patterns(line: str) -> list[str]:
    """The patterns of an embedding line: plain words, quoted or between backquotes."""
    found: list[str] = []
    line = line.strip()
    while line:
        quote = line[0]
        if quote == "`":
            word, _, line = line[1:].partition("`")
        elif quote == '"':
            word, line = _quoted(line)
        else:
            word = line.split(None, 1)[0]
            line = line[len(word) :]
        found.append(word)
        line = line.lstrip()
    return found


def _quoted(line: str) -> tuple[str, str]:
    """The text in double quotes at the begin of a line, and what follows it."""
    word, at = "", 1
    while at < len(line) and line[at] != '"':
        at += line[at] == "\\"
        word += line[at : at + 1]
        at += 1
    return word, line[at + 1 :]
