"""The flags that need no project: the first file, and completion for a shell."""

import os

from runner.cli.completion_place import install, uninstall
from runner.cli.first_file import write_first_file
from runner.errors import UsageError
from runner.ui.shell_scripts import read_script, shell_named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_WITH_INIT = frozenset({"init", "dir", "quiet", "verbose"})


def set_up(flags: "Mapping[str, str]", words: "Sequence[str]", environ: "Mapping[str, str]", cwd: str) -> str:
    """Do what one of these flags says.

    Args:
        flags: The flags, one of `runner.cli.arguments.SETUP` among them.
        words: What stands behind the flags.
        environ: The caller's variables.
        cwd: The current folder, absolute.

    Returns:
        What to show.

    Raises:
        PyrunError: It can't be done.
    """
    if words:
        raise UsageError(f"`{words[0]}` is too much: there is nothing to run beside that flag")
    if "completion" in flags:
        return read_script(shell_named(flags["completion"]))
    if "install-completion" in flags:
        return install(shell_named(flags["install-completion"]), environ)
    if "uninstall-completion" in flags:
        return uninstall(shell_named(flags["uninstall-completion"]), environ)
    other = next((name for name in flags if name not in _WITH_INIT), "")
    if other:
        raise UsageError(f"`--init` doesn't go with `--{other}`", None, "it writes a new tasks.yml")
    folder = os.path.normpath(os.path.join(cwd, flags.get("dir", "")))
    if not os.path.isdir(folder):
        raise UsageError(f"there is no folder `{flags['dir']}`")
    return write_first_file(folder, flags.get("dir", ""))
