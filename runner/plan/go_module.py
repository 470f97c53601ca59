"""What `go.mod` and `go.work` say, as far as it tells which folders hold which packages.

Reads text only and looks at no folder: paths are given as they are written. Requirements on other modules are
not read, since what comes from outside of the project is named by the content of the two files themselves and
of their sums. The grammar is that of https://go.dev/ref/mod#go-mod-file-lexical.
"""


class ModuleFile:
    """The statements of a `go.mod` or a `go.work`.

    Args:
        path: The module's import path, empty in a `go.work`.
        version: The language version as major and minor number, (0, 0) if there is none.
        uses: The folders that a `go.work` lists.
        replaced: Import path and folder of each module that a folder stands in for.
        ignored: The folders that `./...` leaves out.
    """

    __slots__ = ("ignored", "path", "replaced", "uses", "version")

    def __init__(
        self,
        path: str,
        version: tuple[int, int],
        uses: tuple[str, ...],
        replaced: tuple[tuple[str, str], ...],
        ignored: tuple[str, ...],
    ) -> None:
        self.path = path
        self.version = version
        self.uses = uses
        self.replaced = replaced
        self.ignored = ignored


def read_module_file(source: bytes) -> ModuleFile:
    """What the file says; statements that are wrong or unknown are passed over, as `go` will tell of them."""
    path, version = "", (0, 0)
    uses: list[str] = []
    ignored: list[str] = []
    replaced: list[tuple[str, str]] = []
    for verb, *words in statements(source):
        if not words:
            continue
        if verb == "module":
            path = words[0]
        elif verb == "go":
            version = _version(words[0])
        elif verb == "use":
            uses.append(words[0])
        elif verb == "ignore":
            ignored.append(words[0])
        elif verb == "replace" and "=>" in words[:-1]:
            target = words[words.index("=>") + 1]
            if is_folder(target):
                replaced.append((words[0], target))
    return ModuleFile(path, version, tuple(uses), tuple(replaced), tuple(ignored))


def is_folder(target: str) -> bool:
    """Whether the right side of a replacement is a folder and not another module."""
    return target in (".", "..") or target.startswith(("./", "../", "/"))


def statements(source: bytes) -> list[list[str]]:
    """Each statement as its verb and its words, unquoted, comments gone; one for each line of a block."""
    found: list[list[str]] = []
    block = ""
    for line in source.decode("utf-8", "surrogateescape").split("\n"):
        words = _words(line)
        if not words:
            continue
        if block:
            if words[0] == ")":
                block = ""
            else:
                found.append([block, *words])
        elif words[1:2] == ["("]:
            block = "" if words[-1] == ")" else words[0]
        else:
            found.append(words)
    return found


def _words(line: str) -> list[str]:
    if '"' not in line and "`" not in line:
        return line.partition("//")[0].replace("(", " ( ").replace(")", " ) ").split()
    words: list[str] = []
    line = line.lstrip()
    while line and not line.startswith("//"):
        if line[0] in '"`':
            word, _, line = line[1:].partition(line[0])
        else:
            word = line.split(None, 1)[0].partition("//")[0]
            line = line[len(word) :]
        words.append(word)
        line = line.lstrip()
    return words


def _version(text: str) -> tuple[int, int]:
    """Major and minor number of a version such as `1.22.3` or `1.24rc1`, (0, 0) if it is none."""
    major, _, rest = text.partition(".")
    minor = rest
    while minor and not minor.isdecimal():
        minor = minor[:-1]
    return (int(major), int(minor)) if major.isdecimal() and minor else (0, 0)
