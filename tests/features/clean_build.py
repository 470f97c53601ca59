"""What a clean build of a random project makes, worked out in Python from the files that are declared.

A task's command is one call of a script of the project, `mk`; what that writes is a function of its words, the
variables that the task declares, the files that it reads, and the targets of its deps. The same is worked out
here, with what each action depends on, so that what pyrun leaves and how often it runs something can be compared.
"""

import copy
import glob
import os
import random
from hashlib import sha256

MK = """\
#!/bin/sh
# version VERSION
set -e
name=$1 kind=$2 how=$3 salt=$4
shift 4
echo "start $RUN $name" >> "$RAN"
list= names=
for f; do
  [ -f "$f" ] || continue
  case $how in *x*) case ${f##*/} in skip*) continue ;; esac ;; esac
  bit=-
  if [ -x "$f" ]; then bit=x; fi
  names="$names$f $bit;"
  list="$list $f"
done
case $how in *c*) list= ;; esac
set -- VERSION "$salt" "$names" "E=${E-}" "P="
case $how in *p*) set -- VERSION "$salt" "$names" "E=${E-}" "P=${P-unset}" ;; esac
h=$({ printf '%s\\n' "$@"; [ -z "$list" ] || cat $list; } | sha256sum)
h=${h%% *}
first=${h%"${h#?}"}
case $kind in
  file)
    [ -d out ] || mkdir -p out
    echo half > out/$name.txt
    echo $h > out/$name.txt
    case $first in [0-7]) chmod 755 out/$name.txt ;; *) chmod 644 out/$name.txt ;; esac ;;
  dir)
    mkdir -p out/$name/sub
    echo half > out/$name/h
    echo $h > out/$name/h
    echo $salt > out/$name/sub/p-$first ;;
  pat)
    [ -d gen ] || mkdir -p gen
    echo half > gen/$name-$first.g
    echo $h > gen/$name-$first.g ;;
esac
echo "end $RUN $name" >> "$RAN"
"""
"""The script that does all: VERSION stands for the version that is part of what it makes."""

SOURCES = {
    "src/f0.x": ("src/f0.x", ["src/f0.x"]),
    "src/f1.x": ("src/f1.x", ["src/f1.x"]),
    "src/**/*.x": ('"src/**/*.x"', ["src/*.x", "src/sub/*.x"]),
    "lib": ("lib", ["lib/*", "lib/deep/*"]),
    "lib/deep/": ("lib/deep/", ["lib/deep/*"]),
    "{src,lib}/*.y": ('"{src,lib}/*.y"', ["lib/*.y", "src/*.y"]),
}
"""What a task may read: how that is written in YAML, and the same for a shell."""

FILES = (
    "src/f0.x",
    "src/f1.x",
    "src/keep.x",
    "src/sub/s.x",
    "src/skip1.x",
    "src/keep.y",
    "lib/keep.y",
    "lib/deep/d",
)
"""Files that are always there."""
MORE = ("src/g0.x", "src/g1.x", "src/sub/g2.x", "lib/g3", "lib/deep/g4", "lib/g5.y", "src/skip2.x")
"""Files that come and go: patterns and folders find them."""
CONTENTS = ("a1\n", "a2\n", "b1\n", "b2\n")

Made = dict[str, tuple[bytes, bool]]
"""Files by path: content, and whether it can be executed."""


class Task:
    """One task of a random project."""

    def __init__(self, number: int, choose: random.Random) -> None:
        self.name = f"t{number}"
        self.kind = choose.choice(("file", "file", "dir", "pat", "none"))
        self.sources = None if choose.random() < 0.1 else choose.sample(sorted(SOURCES), choose.randrange(4))
        self.deps = sorted(choose.sample(range(number), min(number, choose.choice((0, 1, 1, 2, 3)))))
        self.reads_dep = choose.random() < 0.3
        self.how = "".join(letter for letter in "cxp" if choose.random() < 0.3) or "-"
        self.plain = choose.random() < 0.4
        self.salt = choose.randrange(4)
        self.env: int | None = choose.randrange(3) if choose.random() < 0.3 else None
        self.usage = 0
        self.when = self.kind == "file" and choose.random() < 0.3
        self.values: tuple[str, ...] = ("p", "q") if choose.random() < 0.2 else ()

    @property
    def remembered(self) -> bool:
        return self.sources is not None


class Action:
    """One action: a task with a value for its arg, if it has one."""

    def __init__(self, task: Task, value: str) -> None:
        self.task = task
        self.value = value
        self.name = f"{task.name}-{value}" if value else task.name
        self.words = (task.name, value) if value else (task.name,)


class Build:
    """The definitions of one checkout."""

    def __init__(self, choose: random.Random) -> None:
        self.tasks = [Task(number, choose) for number in range(choose.choice((5, 5, 6, 6, 7, 8, 10, 12)))]

    def copy(self) -> "Build":
        return copy.deepcopy(self)

    def actions(self) -> list[Action]:
        """All actions, each behind those that it needs."""
        return [Action(task, value) for task in self.tasks for value in task.values or ("",)]

    def deps(self, action: Action) -> list[Action]:
        """What an action needs first; of a task with values the first one."""
        found = [self.tasks[number] for number in action.task.deps]
        return [Action(task, task.values[0] if task.values else "") for task in found]

    def closure(self, asked: list[Action]) -> list[Action]:
        """What is asked for with all that it needs, each behind those that it needs."""
        wanted = {action.name for action in asked}
        found = []
        for action in reversed(self.actions()):
            if action.name in wanted:
                found.append(action)
                wanted.update(dep.name for dep in self.deps(action))
        return found[::-1]

    def yaml(self) -> str:
        return "tasks:\n" + "".join(self._yaml(task) for task in self.tasks)

    def _yaml(self, task: Task) -> str:
        name = f"{task.name}-${{v}}" if task.values else task.name
        action = Action(task, task.values[0] if task.values else "")
        lines = [f"usage: version {task.usage}"]
        if task.values:
            lines.append("args: {v: {values: [p, q]}}")
        deps = [" ".join(dep.words) for dep in self.deps(action)]
        if deps:
            lines.append(f"deps: [{', '.join(deps)}]")
        if task.sources is not None:
            found = [SOURCES[source][0] for source in task.sources] + self.listed_targets(action)
            if "x" in task.how and found:
                found.append('{exclude: "**/skip*"}')
            lines.append(f"source: [{', '.join(found)}]")
        target = {"file": f"out/{name}.txt", "dir": f"out/{name}/", "pat": f"gen/{name}-*.g", "none": ""}[
            task.kind
        ]
        if target:
            lines.append(f'target: "{target}"')
        if task.env is not None:
            lines.append(f'env: {{E: "{task.env}"}}')
        if "p" in task.how:
            lines.append("pass-env: [P]")
        program = "mk" if task.plain else '"$MK"'
        reads = " ".join(self.words(action))
        command = f"{program} {name} {task.kind} {task.how} {task.salt} {reads}"
        lines.append("run:")
        lines.append(f"  - '{command}'")
        if task.when:
            more = f"echo more >> out/{name}.txt"
            lines.append(f"  - {{when: {{exists: flags/{task.name}}}, command: '{more}'}}")
        return f"  {task.name}:\n" + "".join(f"    {line}\n" for line in lines)

    def listed_targets(self, action: Action) -> list[str]:
        """Targets of deps that are listed as sources as well."""
        if not action.task.reads_dep:
            return []
        return [f"out/{dep.name}.txt" for dep in self.deps(action) if dep.task.kind == "file"]

    def words(self, action: Action) -> list[str]:
        """What a command reads, as a shell is told."""
        found = [word for source in action.task.sources or () for word in SOURCES[source][1]]
        return found + [word for dep in self._seen(action) for word in _targets(dep)]

    def _seen(self, action: Action) -> list[Action]:
        """The actions whose targets an action may see: its deps, and through those that have none."""
        found: dict[str, Action] = {}
        for dep in self.deps(action):
            for one in [dep] if dep.task.kind != "none" else self._seen(dep):
                found.setdefault(one.name, one)
        return list(found.values())


def _targets(action: Action) -> list[str]:
    name = action.name
    return {
        "file": [f"out/{name}.txt"],
        "dir": [f"out/{name}/*", f"out/{name}/sub/*"],
        "pat": [f"gen/{name}-*.g"],
    }[action.task.kind]


class Clean:
    """A clean build of what lies in a checkout now.

    Args:
        build: The definitions.
        root: The checkout.
        version: The version of `mk` in the project, and that of the one outside.
        tool: What identifies the project's own `mk` now.
        passed: The variable `P`, or None.
    """

    def __init__(
        self, build: Build, root: str, version: tuple[str, str], tool: object, passed: str | None
    ) -> None:
        self._build = build
        self._root = root
        self._version = version
        self._tool = tool
        self._passed = passed
        self._files: dict[str, tuple[bytes, bool]] = {}
        self.made: dict[str, Made] = {}
        self.keys: dict[str, object] = {}
        for action in build.actions():
            self._make(action)

    def _make(self, action: Action) -> None:
        task = action.task
        read = self._read(self._build.words(action), exclude="x" in task.how)
        own = self._declared(action)
        flag = task.when and os.path.exists(f"{self._root}/flags/{task.name}")
        passed = "P=" if "p" not in task.how else f"P={'unset' if self._passed is None else self._passed}"
        names = "".join(f"{path} {'x' if bit else '-'};" for path, (_, bit) in read)
        head = [
            self._version[not task.plain],
            str(task.salt),
            names,
            f"E={'' if task.env is None else task.env}",
            passed,
        ]
        data = "".join(f"{line}\n" for line in head).encode()
        if "c" not in task.how:
            data += b"".join(content for _, (content, _) in read)
        digest = sha256(data).hexdigest()
        made = _files(action, digest, more=bool(flag))
        self.made[action.name] = made
        self._files.update(made)
        deps = tuple((dep.name, self._told(dep)) for dep in self._build.deps(action))
        self.keys[action.name] = (
            (
                task.kind,
                task.how,
                task.salt,
                task.plain,
                task.env,
                tuple(self._build.words(action)),
                task.when,
                flag,
            ),
            passed,
            self._tool if task.plain else None,
            deps,
            tuple(own),
        )

    def _told(self, dep: Action) -> object:
        """What those that need an action know of it: what it made, or what it depends on."""
        made = self.made[dep.name]
        return tuple(sorted(made.items())) if made else self.keys[dep.name]

    def _declared(self, action: Action) -> list[tuple[str, tuple[bytes, bool]]]:
        words = [word for source in action.task.sources or () for word in SOURCES[source][1]]
        listed = self._build.listed_targets(action)
        found = dict(self._read(words + listed, exclude="x" in action.task.how))
        return sorted(found.items())

    def _read(self, words: list[str], *, exclude: bool) -> list[tuple[str, tuple[bytes, bool]]]:
        """The files that a shell would find, in its order."""
        found = []
        for word in words:
            if word.startswith(("out/", "gen/")):
                folder, _, name = word.rpartition("/")
                begin = name.partition("*")[0]
                paths = sorted(
                    path
                    for path in self._files
                    if path == word
                    or (
                        "*" in word
                        and os.path.dirname(path) == folder
                        and os.path.basename(path).startswith(begin)
                    )
                )
            else:
                paths = sorted(path for path in glob.glob(word, root_dir=self._root))
            for path in paths:
                if exclude and os.path.basename(path).startswith("skip"):
                    continue
                if path in self._files:
                    found.append((path, self._files[path]))
                elif os.path.isfile(f"{self._root}/{path}"):
                    found.append((path, look(f"{self._root}/{path}")))
        return found


def look(path: str) -> tuple[bytes, bool]:
    """A file's content, and whether it can be executed."""
    with open(path, "rb") as file:
        return file.read(), bool(os.fstat(file.fileno()).st_mode & 0o100)


def _files(action: Action, digest: str, *, more: bool) -> Made:
    """The files that an action leaves."""
    name, kind, first = action.name, action.task.kind, digest[0]
    content = f"{digest}\n".encode()
    if kind == "file":
        return {f"out/{name}.txt": (content + b"more\n" * more, first in "01234567")}
    if kind == "dir":
        return {
            f"out/{name}/h": (content, False),
            f"out/{name}/sub/p-{first}": (f"{action.task.salt}\n".encode(), False),
        }
    return {f"gen/{name}-{first}.g": (content, False)} if kind == "pat" else {}


def there(root: str, action: Action) -> Made:
    """The files that lie where an action's targets are."""
    name, kind = action.name, action.task.kind
    if kind == "file":
        paths = glob.glob(f"out/{name}.txt", root_dir=root)
    elif kind == "dir":
        paths = glob.glob(f"out/{name}/**", root_dir=root, recursive=True, include_hidden=True)
    else:
        paths = glob.glob(f"gen/{name}-*.g", root_dir=root) if kind == "pat" else []
    return {path: look(f"{root}/{path}") for path in paths if os.path.isfile(f"{root}/{path}")}
