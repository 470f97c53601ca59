"""The servers of a plan: which are up, which are ready, and who waits for them."""

from runner.errors import RunError
from runner.model.path import beneath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from runner.execute.host import HostRun
    from runner.execute.readiness import Readiness
    from runner.execute.verdict import Verdict
    from runner.plan.action import Action, Plan, ServerPlan

_ASK_AGAIN = 40.0
"""Milliseconds between two looks at servers that are not ready."""


class Servers:
    """What is known of the servers of a plan.

    Args:
        actions: The actions of the plan, by id.
        top: The project's top folder, absolute.
    """

    def __init__(self, actions: "Mapping[str, Action]", top: str) -> None:
        self._actions = actions
        self._top = top
        self._idle: dict[str, Verdict] = {}
        self._started: dict[str, None] = {}
        self._asking: dict[str, Readiness] = {}
        self._ended: set[str] = set()
        self.waiting: dict[str, tuple[Action, Verdict]] = {}

    def any(self) -> bool:
        """Whether there is a server that is up or may have to be."""
        return bool(self._idle or self._started)

    def add(self, action: "Action", verdict: "Verdict") -> None:
        """A server's turn has come: from now on it can be started for somebody."""
        self._idle[action.id] = verdict

    def wanted_by(self, action: "Action", verdict: "Verdict") -> bool:
        """Whether an action must wait for servers; then it is started when they are ready."""
        if not self._missing(action):
            self._idle.pop(action.id, None)
            return False
        self.waiting[action.id] = (action, verdict)
        return True

    def next_served(self) -> "tuple[Action, Verdict] | None":
        """What can start now: a server that somebody waits for, or somebody who need not wait any more.

        Nobody waits for a server that has ended: `check` refuses to start who needs it.
        """
        for name, (action, verdict) in list(self.waiting.items()):
            missing = self._missing(action)
            if not missing or not self._ended.isdisjoint(missing):
                del self.waiting[name]
                self._idle.pop(name, None)
                return action, verdict
            for server in missing:
                if server in self._idle and server not in self.waiting and not self._missing_of(server):
                    return self._actions[server], self._idle.pop(server)
        return None

    def start(self, action: "Action", run: "HostRun", environ: "Mapping[str, str]") -> None:
        """A server is being started."""
        self._idle.pop(action.id, None)
        self._started[action.id] = None
        if action.server is not None and action.server.ready:
            from runner.execute.readiness import Readiness  # noqa: PLC0415 - sockets, for servers only

            launcher = run.around.launcher
            folder = beneath(self._top, action.dir) if launcher is None else run.around.folder(action.dir)
            server, environ = _with_ports(action.server, environ, run.around.tokens)
            readiness = Readiness(server, action.interpreter, folder, environ, launcher)
            self._asking[action.id] = readiness
            run.hear = readiness.hear
            if run.prefix is None and launcher is None:
                readiness.hear_nothing()

    def adopt(self, action: "Action", asking: "Readiness | None") -> None:
        """A server runs already, and is ready where there is nothing to ask.

        Args:
            action: The server.
            asking: What asks it whether it is.
        """
        self._started[action.id] = None
        if asking is not None:
            self._asking[action.id] = asking

    def give_up(self, action: "Action") -> "Readiness | None":
        """A server is another's to look after; what asks it whether it is ready, None if it is."""
        self._started.pop(action.id, None)
        return self._asking.pop(action.id, None)

    def end(self, action: "Action") -> None:
        """A server has ended."""
        self._started.pop(action.id, None)
        self._ended.add(action.id)
        asking = self._asking.pop(action.id, None)
        if asking is not None:
            asking.close()

    def ended(self, action: "Action") -> bool:
        """Whether a server has ended, or was given up."""
        return action.id in self._ended

    def unready(self, action: "Action") -> bool:
        """Whether a server is up and not ready."""
        return action.id in self._asking

    def look(self) -> "Iterable[tuple[Action, str]]":
        """Ask those that are not ready; the ones that had their time, with what is not so yet."""
        from time import monotonic  # noqa: PLC0415 - most plans have no server

        for name, readiness in list(self._asking.items()):
            if readiness.ready():
                del self._asking[name]
                readiness.close()
            elif monotonic() >= readiness.deadline:
                del self._asking[name]
                readiness.close()
                yield self._actions[name], f"after {readiness.limit / 1000:g} s {readiness.left()}"

    def patience(self) -> float | None:
        """How many milliseconds to wait before the next look; None if there is nothing to look at."""
        return _ASK_AGAIN if self._asking else None

    def forget_waiting(self) -> None:
        """Nothing starts any more."""
        self.waiting.clear()
        self._idle.clear()
        for readiness in self._asking.values():
            readiness.close()
        self._asking.clear()

    def needed(self, server: "Action", users: "Iterable[Action]") -> bool:
        """Whether one of some actions, or of those that wait, needs a server."""
        waiting = (action for action, _ in self.waiting.values())
        return any(server.id in self._missing(user) for user in (*users, *waiting))

    def check(self, action: "Action") -> None:
        """Refuse to start what needs a server that has ended, or a port that is taken or another server's.

        Raises:
            RunError: It does.
        """
        for name in self._missing(action):
            if name in self._ended:
                raise ended_early(self._actions[name], "while it was needed")
        for name in self._started:
            other = self._actions[name]
            theirs = _host_ports(other)
            for port in _host_ports(action):
                if port in theirs:
                    raise taken_error(port, f", by `{other.label}`", action)
        check_ports(action)

    def _missing_of(self, server: str) -> list[str]:
        return self._missing(self._actions[server])

    def _missing(self, action: "Action") -> list[str]:
        """The servers that an action needs and that are not ready, each behind those that it needs itself.

        What does nothing needs none: those who depend on it do.
        """
        if _only_names(action):
            return []
        found: dict[str, None] = {}
        seen: set[str] = set()
        left = [(name, False) for name in reversed(action.deps)]
        while left:
            name, ready = left.pop()
            dep = self._actions[name]
            if ready:
                found[name] = None
            elif name not in seen and (dep.persistent or _only_names(dep)):
                seen.add(name)
                up = name in self._started and name not in self._asking
                left += [(name, True)] * (dep.persistent and not up)
                left += [(below, False) for below in reversed(dep.deps)]
        return list(found)


def check_ports(action: "Action") -> None:
    """Refuse to start a server whose port is taken.

    Raises:
        RunError: It is.
    """
    ports = _host_ports(action)
    if not ports:
        return
    from runner.execute.readiness import taken_port  # noqa: PLC0415 - sockets, for servers only

    port = taken_port(ports)
    if port:
        raise taken_error(port, "", action)


def _with_ports(
    server: "ServerPlan", environ: "Mapping[str, str]", tokens: "Mapping[str, str]"
) -> "tuple[ServerPlan, Mapping[str, str]]":
    """What is asked of a server, and its variables, with the ports in them that are known only now."""
    if not tokens:
        return server, environ

    def filled(text: str) -> str:
        for token, port in tokens.items():
            text = text.replace(token, port)
        return text

    ready = tuple((kind, filled(text)) for kind, text in server.ready)
    variables = {name: filled(value) for name, value in environ.items()}
    return type(server)(server.ports, ready, server.limit, server.outer, server.hostname), variables


def _host_ports(action: "Action") -> tuple[int, ...]:
    """The ports of this machine that a server is to have, as far as they are said."""
    if action.server is None:
        return ()
    if action.container is None:
        return action.server.ports
    return tuple(port for port in action.server.outer if port)


def taken_error(port: int, owner: str, action: "Action") -> RunError:
    """What is wrong when a server can't have its port."""
    return RunError(
        f"port {port} is in use already{owner}, and `{action.label}` needs it",
        action.position,
        "end what listens there, or give one of the two another port",
    )


def ended_early(action: "Action", when: str) -> RunError:
    """What is wrong when a server ended although nobody told it to."""
    return RunError(f"the server `{action.label}` ended {when}")


def foreground_servers(plan: "Plan") -> set[str]:
    """The servers that stay until they end: asked for, or behind something asked for that only names its deps."""
    actions = {action.id: action for action in plan.actions}
    found: set[str] = set()
    seen: set[str] = set()
    left = list(plan.asked)
    while left:
        name = left.pop()
        if actions[name].persistent:
            found.add(name)
        elif name not in seen and _only_names(actions[name]):
            seen.add(name)
            left += actions[name].deps
    return found


def _only_names(action: "Action") -> bool:
    """Whether an action does nothing but name what it depends on."""
    return not (action.persistent or action.steps or action.last or action.image is not None)
