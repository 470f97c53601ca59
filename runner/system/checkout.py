"""Which commit a project is a checkout of, and where that can be had from."""

from runner.errors import RunError
from runner.system.process import capture

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def find_checkout(top: str, environ: "Mapping[str, str]") -> tuple[str, str] | None:
    """The commit, with `-dirty` behind it if a file that git follows differs, and the repository's address.

    The address is that of the remote of the current branch, or of `origin`; empty where there is none that others
    could use. It holds no credentials. None where there is no commit, or no git.

    Args:
        top: The project's top folder, absolute.
        environ: The caller's variables.
    """
    quiet = {**environ, "GIT_OPTIONAL_LOCKS": "0", "PWD": top}

    def asked(*words: str) -> str:
        try:
            status, data = capture(("git", "-c", "core.fsmonitor=false", *words), folder=top, environ=quiet)
        except RunError:
            return ""
        return "" if status else data.decode("utf-8", "surrogateescape").strip()

    # Of a commit that is no tag's it tells the whole name.
    revision = asked("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    if not revision:
        return None
    branch = asked("symbolic-ref", "--quiet", "--short", "HEAD")
    remote = (asked("config", "--get", f"branch.{branch}.remote") if branch else "") or "origin"
    return revision, plain_address(asked("config", "--get", f"remote.{remote}.url"))


def plain_address(written: str) -> str:
    """The address of a repository as others may see it: no credentials, no folder of this machine.

    Args:
        written: As git has it: an address, `USER@HOST:PATH`, or a path.
    """
    scheme, colon, rest = written.partition("://")
    if not colon:
        host, colon, path = written.partition(":")
        if not colon or "/" in host or len(host) < 2 or path.startswith(":"):
            return ""
        return f"ssh://{host}/{path.lstrip('/')}"
    kind = scheme.rpartition("+")[2].lower()
    if kind not in {"https", "http", "ssh", "git"}:
        return ""
    place, slash, path = rest.partition("/")
    path = path.partition("?")[0].partition("#")[0]
    user, sign, host = place.rpartition("@")
    # Behind ssh the user says whose repositories, and is no credential; behind HTTP it may be a token.
    shown = f"{user.partition(':')[0]}{sign}" if kind == "ssh" else ""
    return f"{scheme}://{shown}{host}{slash}{path}"
