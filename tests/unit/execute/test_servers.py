import os
import socket
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import RunError
from runner.execute.servers import Servers, check_ports, foreground_servers
from runner.execute.verdict import Verdict
from runner.location import Position
from runner.plan.action import Action, Limits, Plan, ServerPlan, Traits
from runner.plan.origin import Provenance
from runner.plan.schedule import Schedule
from runner.plan.step import Script

if TYPE_CHECKING:
    from runner.execute.host import HostRun

AT = Position("tasks.yml", 2, 3)
VERDICT = Verdict(False, "", "", (), (), (), None)
SAYS = (("log", "up"),)


class Run:
    """All that a server's run is asked for here: who hears what it writes."""

    hear: Any = None
    prefix: bytes | None = b""
    launcher = None
    tokens: Any = ()

    @property
    def around(self) -> "Run":
        return self

    def as_host(self) -> "HostRun":
        return cast("HostRun", self)


def action(
    name: str,
    *deps: str,
    server: bool = False,
    idle: bool = False,
    plan: ServerPlan | None = None,
    folder: str = "",
) -> Action:
    """An action that does something, unless it is `idle`."""
    steps = () if idle else (Script("x", None, False, "", (), False, (), (), AT),)
    fields: dict[str, Any] = dict.fromkeys(Action.FIELDS, ()) | {
        "id": name, "label": f"<{name}>", "task": name, "steps": steps, "interpreter": ("sh", "-c"), "dir": folder,
        "sources": None, "targets": None, "deps": deps, "maybe": (), "own_deps": (), "limits": Limits(0, 0, ()), "persistent": server,
        "server": plan, "image": None, "container": None, "traits": Traits(True, False, False, "", (), (), "", False), "provenance": Provenance((), ()), "position": AT,
    }  # fmt: skip
    return Action(**fields)


def server(name: str, *deps: str, says: bool = True) -> Action:
    """A server that is ready when it has said `up`, or as soon as it is started."""
    return action(name, *deps, server=True, plan=ServerPlan((), SAYS, 60_000) if says else None)


class Case:
    """The servers of some actions, all of whose turns have come."""

    def __init__(self, *actions: Action) -> None:
        self.actions = {one.id: one for one in actions}
        self.servers = Servers(self.actions, "/top")
        self.runs: dict[str, Run] = {}

    def add(self, *names: str) -> None:
        for name in names:
            self.servers.add(self.actions[name], VERDICT)

    def wanted_by(self, name: str) -> bool:
        return self.servers.wanted_by(self.actions[name], VERDICT)

    def start(self, name: str) -> None:
        self.runs[name] = Run()
        self.servers.start(self.actions[name], self.runs[name].as_host(), {})

    def say(self, name: str) -> None:
        """A server becomes ready."""
        if self.runs[name].hear is not None:
            self.runs[name].hear(b"up\n")
        assert list(self.servers.look()) == []

    def next(self) -> str | None:
        found = self.servers.next_served()
        return None if found is None else found[0].id


def test_who_needs_no_server_waits_for_none() -> None:
    case = Case(action("lib"), action("t", "lib"))
    assert not case.wanted_by("t")
    assert not case.servers.any()
    assert case.next() is None


def test_a_server_starts_when_somebody_waits_and_then_who_waits_when_it_is_ready() -> None:
    case = Case(server("db"), action("t", "db"))
    assert case.wanted_by("t")
    # Not before its own turn has come.
    assert case.next() is None
    case.add("db")
    assert case.next() == "db"
    case.start("db")
    assert case.servers.unready(case.actions["db"])
    assert case.next() is None
    case.say("db")
    assert not case.servers.unready(case.actions["db"])
    assert case.next() == "t"
    assert case.next() is None
    assert not case.wanted_by("t")


def test_a_server_that_nobody_waits_for_is_not_started() -> None:
    case = Case(server("db"), server("web"), action("t", "db"))
    case.add("db", "web")
    assert case.next() is None
    assert case.servers.any()
    assert case.wanted_by("t")
    assert case.next() == "db"
    assert case.next() is None


def test_a_server_of_which_nothing_is_asked_is_ready_as_soon_as_it_is_started() -> None:
    case = Case(server("db", says=False), action("t", "db"))
    case.add("db")
    assert case.wanted_by("t")
    case.start("db")
    assert not case.servers.unready(case.actions["db"])
    assert case.runs["db"].hear is None
    assert case.next() == "t"


def test_servers_of_servers_come_first_and_what_does_nothing_stands_for_its_deps() -> None:
    case = Case(
        server("disk"), server("db", "disk"), action("stack", "db", idle=True), action("lib", "disk"),
        action("t", "lib", "stack"), action("u", "lib"),
    )  # fmt: skip
    case.add("disk", "db")
    assert not case.wanted_by("u")
    assert case.wanted_by("t")
    for name in ("disk", "db"):
        assert case.next() == name
        case.start(name)
        assert case.next() is None
        case.say(name)
    assert case.next() == "t"


def test_a_server_that_has_ended_is_no_longer_there() -> None:
    case = Case(server("db"), action("t", "db"))
    case.add("db")
    case.start("db")
    case.say("db")
    case.servers.end(case.actions["db"])
    assert not case.servers.any()
    assert case.wanted_by("t")
    # Who needs it has its turn, to be told.
    assert case.next() == "t"
    with pytest.raises(RunError) as info:
        case.servers.check(case.actions["t"])
    assert info.value.message == "the server `<db>` ended while it was needed"


def test_a_server_that_ends_before_it_is_ready_is_not_asked_any_more() -> None:
    case = Case(server("db"))
    case.start("db")
    assert case.servers.patience() is not None
    case.servers.end(case.actions["db"])
    assert case.servers.patience() is None
    assert not case.servers.unready(case.actions["db"])


def test_one_that_does_not_get_ready_in_its_time_is_told_once_and_others_are_asked_on() -> None:
    slow = action("slow", server=True, plan=ServerPlan((), SAYS, 1))
    case = Case(slow, server("db"))
    case.start("slow")
    case.start("db")
    told: list[tuple[Action, str]] = []
    while not told:
        told += case.servers.look()
    assert told == [(slow, "after 0.001 s it has not said `up`")]
    assert list(case.servers.look()) == []
    assert case.servers.patience() is not None
    case.say("db")
    assert case.servers.patience() is None


def test_when_all_is_stopped_nobody_is_served_any_more() -> None:
    case = Case(server("db"), action("t", "db"))
    case.add("db")
    assert case.wanted_by("t")
    case.servers.forget_waiting()
    assert case.next() is None
    assert not case.servers.any()
    assert case.servers.waiting == {}


@pytest.mark.parametrize("folder", ["api", "/ABSOLUTE"])
def test_a_server_asks_in_its_own_folder_with_its_own_variables(
    folder: str, tmp_path: "os.PathLike[str]"
) -> None:
    asks = ServerPlan((), (("command", 'test -e "$SIGN"'),), 60_000)
    place = os.path.join(tmp_path, "api")
    os.mkdir(place)
    open(f"{place}/sign", "wb").close()
    one = action("db", server=True, plan=asks, folder=place if folder.startswith("/") else folder)
    servers = Servers({"db": one}, str(tmp_path))
    servers.start(one, Run().as_host(), {"PATH": os.environ["PATH"], "SIGN": "sign"})
    while servers.unready(one):
        assert list(servers.look()) == []
    servers.forget_waiting()


# Ports


def test_a_server_whose_port_is_taken_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        one = action("db", server=True, plan=ServerPlan((port,), (), 1))
        with pytest.raises(RunError) as info:
            check_ports(one)
    assert info.value.message == f"port {port} is in use already, and `<db>` needs it"
    assert info.value.at == AT
    check_ports(one)
    check_ports(action("t"))


# In the foreground


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (["db"], {"db"}),
        (["t"], set()),
        (["stack"], {"db", "web"}),
        (["t", "web"], {"web"}),
        (["over"], {"db", "web"}),
        (["made"], set()),
    ],
)
def test_a_server_stays_if_it_is_asked_for_or_all_that_is_asked_for(
    asked: list[str], found: set[str]
) -> None:
    made = action("made", "db", idle=True)
    made.last = action("x").steps
    actions = (
        server("db"), server("web", "db"), action("t", "db"), action("stack", "db", "web", "t", idle=True),
        action("over", "stack", idle=True), made,
    )  # fmt: skip
    assert foreground_servers(Plan(actions, tuple(asked), ())) == found


# Any plan


KINDS = ["server", "silent server", "task", "nothing"]
graphs = st.integers(1, 8).flatmap(
    lambda count: st.tuples(*(
        st.tuples(
            st.sampled_from(KINDS),
            st.lists(st.sampled_from([f"n{before}" for before in range(one)]), unique=True) if one else st.just([]),
        )
        for one in range(count)
    ))
)  # fmt: skip


def actions_of(rows: tuple[tuple[str, list[str]], ...]) -> tuple[Action, ...]:
    return tuple(
        server(f"n{number}", *deps, says=kind == "server")
        if "server" in kind
        else action(f"n{number}", *deps, idle=kind == "nothing")
        for number, (kind, deps) in enumerate(rows)
    )


def needed(actions: dict[str, Action], name: str) -> set[str]:
    """The servers that must be ready before an action, by a plain reading."""
    found: set[str] = set()
    for dep in actions[name].deps:
        if actions[dep].persistent:
            found |= {dep} | needed(actions, dep)
        elif not actions[dep].steps:
            found |= needed(actions, dep)
    return found


class Simulation:
    """A run of a plan in which everything takes as long as it pleases."""

    def __init__(self, plan: Plan) -> None:
        self.case = Case(*plan.actions)
        self.actions = self.case.actions
        self.schedule = Schedule(plan, {})
        self.foreground = foreground_servers(plan)
        self.working: list[str] = []
        self.launched: list[str] = []
        self.ready: set[str] = set()

    def turn(self) -> None:
        one = self.schedule.start()
        if one.persistent:
            self.case.add(one.id)
            self.schedule.finish(one.id)
        if (not one.persistent or one.id in self.foreground) and not self.case.wanted_by(one.id):
            self.launch(one.id)

    def launch(self, name: str) -> None:
        assert name not in self.launched
        assert not self.actions[name].steps or needed(self.actions, name) <= self.ready
        self.launched.append(name)
        if self.actions[name].persistent:
            self.case.start(name)
            if self.actions[name].server is None:
                self.ready.add(name)
                return
        self.working.append(name)

    def finish(self, name: str) -> None:
        self.working.remove(name)
        if self.actions[name].persistent:
            self.case.say(name)
            self.ready.add(name)
        else:
            self.schedule.finish(name)


@settings(max_examples=300)
@given(graphs, st.data())
def test_each_server_that_is_needed_is_ready_before_those_who_need_it_and_no_other_starts(
    rows: tuple[tuple[str, list[str]], ...], data: st.DataObject
) -> None:
    actions = actions_of(rows)
    asked = data.draw(st.lists(st.sampled_from([one.id for one in actions]), unique=True, min_size=1))
    run = Simulation(Plan(actions, tuple(asked), ()))
    while True:
        served = run.case.next()
        if served is not None:
            run.launch(served)
        elif run.schedule.ready() and (not run.working or data.draw(st.booleans())):
            run.turn()
        elif run.working:
            run.finish(data.draw(st.sampled_from(run.working)))
        else:
            break
    users = {one.id for one in actions if not one.persistent and one.steps} | run.foreground
    expected = users.union(*(needed(run.actions, name) for name in users))
    assert {name for name in run.launched if run.actions[name].steps} == expected
    assert run.schedule.unfinished == 0
    assert run.case.servers.waiting == {}
