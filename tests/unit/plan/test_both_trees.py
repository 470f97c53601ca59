from hypothesis import given
from hypothesis import strategies as st

from runner.plan.both_trees import BothTrees
from tests.fakes.memory_tree import MemoryTree

paths = st.lists(st.sampled_from("ab"), min_size=1, max_size=3).map("/".join)
files = st.dictionaries(paths, st.sampled_from([b"1", b"2"]), max_size=4).filter(
    lambda found: not any(other.startswith(f"{path}/") for path in found for other in found)
)


@given(files, files)
def test_it_is_the_tree_of_now_with_what_is_gone_put_back(
    now: dict[str, bytes], then: dict[str, bytes]
) -> None:
    gone = [
        path
        for path in then
        if path not in now
        and not any(path.startswith(f"{one}/") or one.startswith(f"{path}/") for one in now)
    ]
    both = BothTrees(MemoryTree(now), MemoryTree(then), gone)
    whole = MemoryTree({**{path: then[path] for path in gone}, **now})
    for path in ["", "a", "b", "a/a", "a/b", "b/a", "a/a/a", "a/a/b", *now, *then]:
        assert both.names(path) == whole.names(path), path
        assert both.read(path) == whole.read(path), path


def test_only_what_is_gone_is_read_from_then() -> None:
    then = MemoryTree({"a": b"then", "b": b"then", "c": b"then"})
    both = BothTrees(MemoryTree({"a": b"now"}), then, ["a", "b"])
    assert [both.read(path) for path in "abcd"] == [b"now", b"then", None, None]
    assert then.opened == ["b"]
