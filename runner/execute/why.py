"""Why each action of a plan would run or need not: all that differs from the records.

Executes and writes nothing.
"""

from runner.errors import PlanError
from runner.execute.look_ahead import idle_servers
from runner.execute.verdict import Verdict
from runner.plan.action_key import part_digests
from runner.plan.dirty import BIT, OTHER, file_changes, key_change, part_changes, targets_change
from runner.plan.explanation import IDLE, LATER, RESTORED, RUNS, UP_TO_DATE, Answer, Difference
from runner.plan.pattern import parse_pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runner.execute.ports import Results
    from runner.execute.verdict import Judge
    from runner.plan.action import Action, Plan
    from runner.plan.file_state import LogEntry
    from runner.plan.image_plan import CopyPlan
    from runner.plan.result import Result


def explain(plan: "Plan", judge: "Judge", results: "Callable[[], Results | None]") -> dict[str, Answer]:
    """For each action, by id, what would become of it and why, as far as that is known before anything runs.

    Args:
        plan: The plan, its sources checked.
        judge: Says what must run.
        results: Gives what was made before, or None where nothing is kept; asked where something would run.

    Raises:
        RunError: An image's base is not there.
    """
    explainer = _Explainer(plan, judge, results)
    for action in plan.actions:
        explainer.add(action)
    answers = explainer.answers
    idle = {name for name, answer in answers.items() if answer.state in {UP_TO_DATE, RESTORED}}
    for name in idle_servers(plan, idle):
        answers[name] = Answer(IDLE, "nothing that needs it would run")
    return answers


class _Explainer:
    def __init__(self, plan: "Plan", judge: "Judge", results: "Callable[[], Results | None]") -> None:
        self.judge = judge
        self.open_results = results
        self.labels = {action.id: action.label for action in plan.actions}
        self.answers: dict[str, Answer] = {}
        # What an action is decided by, where that is still to be made; for a server what its own key hangs on.
        self.late: dict[str, str] = {}

    def add(self, action: "Action") -> None:
        """Answer for an action whose deps have an answer."""
        waits = next((self.late[dep] for dep in action.deps if dep in self.late), "")
        if any(_unknown(value) for _, value in action.values):
            self.put_off(action, waits, "a default is what a command says, and a look runs none")
            return
        try:
            verdict = self.judge.verdict(action)
        except PlanError as error:
            # What comes before it may make what it lacks.
            self.put_off(action, waits, error.message)
            return
        state = self.state(action, verdict, waits)
        if action.persistent:
            self.judge.note_server(action, verdict)
        else:
            self.judge.assume(action, self.brought(action, verdict) if state == RESTORED else verdict)
        if waits or (state == RUNS and not action.persistent):
            self.late[action.id] = waits if action.persistent else self.labels[action.id]
        self.answers[action.id] = self.answer(action, verdict, state, waits)

    def put_off(self, action: "Action", waits: str, why: str) -> None:
        """Answer for an action of which nothing can be said before its turn."""
        self.judge.assume(action, Verdict(False, why, "", (), (), (), None))
        self.late[action.id] = self.labels[action.id]
        self.answers[action.id] = Answer(LATER, why, waits)

    def state(self, action: "Action", verdict: Verdict, waits: str) -> str:
        """What would become of it."""
        if self.judge.always(action):
            return RUNS
        if waits:
            return LATER
        if verdict.skip:
            return UP_TO_DATE
        return RESTORED if self.kept(action, verdict) is not None else RUNS

    def kept(self, action: "Action", verdict: Verdict) -> "Result | None":
        """What was made before with all that an action depends on now."""
        results = self.open_results() if action.restorable and not self.judge.forced else None
        return None if results is None else results.find(action, verdict.key, self.judge.made_in(action))

    def brought(self, action: "Action", verdict: Verdict) -> Verdict:
        """What is known of an action once its targets are back."""
        found = self.kept(action, verdict)
        if found is None:
            return verdict
        fields = [found.files if name == "targets" else getattr(verdict, name) for name in Verdict.FIELDS]
        return Verdict(*fields)  # type: ignore[arg-type]  # its own fields, in their order

    def answer(self, action: "Action", verdict: Verdict, state: str, waits: str) -> Answer:
        """The answer, with all that differs."""
        entry = verdict.entry
        always = self.judge.always(action)
        if state == UP_TO_DATE and entry is not None:
            return Answer(state, verdict.why, "", (), entry.when, succeeded=True, made=entry.made)
        if entry is None or not entry.key or (always and not self.judge.forced):
            return Answer(state, verdict.why, "" if always else waits)
        found = self.differences(action, entry, verdict)
        first = key_change(entry, part_digests(verdict.found), verdict.sources) or targets_change(
            entry, verdict.targets
        )
        told = always or ("" if verdict.skip or verdict.why == first else verdict.why)
        layers = tuple(
            f"its layer of `copy` to `{copy.to}` holds what `{self.labels[dep]}` makes"
            for copy, dep in _copies(action)
            if dep in self.late
        )
        return Answer(state, told, "" if always else waits, found, entry.when, succeeded=True, layers=layers)

    def differences(self, action: "Action", entry: "LogEntry", verdict: Verdict) -> tuple[Difference, ...]:
        """All that is not as it was in an action's last good run: what is declared, then sources, then targets."""
        deps = {f"dep {self.labels[dep]}": dep for dep in action.deps}
        found = [
            Difference(what, how + self.layer_of(action, dep=deps.get(what, "")), deps.get(what, ""))
            for what, how in part_changes(entry.parts, part_digests(verdict.found))
        ]
        files = (
            ("source", entry.sources, verdict.sources),
            ("target", entry.targets, verdict.targets),
        )
        for kind, before, now in files:
            found += (
                Difference(f"executable bit of {kind} {path}", OTHER)
                if how == BIT
                else Difference(f"{kind} {path}", how + self.layer_of(action, path))
                for path, how in file_changes(before, now)
            )
        return tuple(found)

    @staticmethod
    def layer_of(action: "Action", path: str = "", dep: str = "") -> str:
        """In words the layer of an image that a source or a dep is in; empty if it is in none."""
        for copy, of in _copies(action):
            if (dep and of == dep) or (
                path and any(parse_pattern(source, copy.at).matches(path) for source in copy.own_sources)
            ):
                return f", and with it the layer of `copy` to `{copy.to}`"
        return ""


def _copies(action: "Action") -> "Iterator[tuple[CopyPlan, str]]":
    """What an image copies, each with the id of the action whose targets it takes, or empty."""
    if action.image is not None:
        yield from zip(action.image.copies, action.image_deps, strict=True)


def _unknown(value: "str | tuple[str, ...]") -> bool:
    """Whether a value stands for what only a command could say, see `runner.plan.fallback`."""
    texts = value if isinstance(value, tuple) else (value,)
    return any(text.startswith(("<output of `", "<known when it runs: ")) for text in texts)
