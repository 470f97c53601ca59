"""The search on trees in memory; the test of this name among the features holds it against the real `go`."""

import pytest

from runner.errors import PlanError
from runner.location import Position
from runner.plan.go_sources import go_sources
from tests.fakes.memory_tree import MemoryTree

AT = Position("tasks.yml", 7, 12, 9)


def package(*imports: str) -> bytes:
    return "\n".join(("package p", *(f'import _ "{path}"' for path in imports))).encode()


SHOP: dict[str, bytes] = {
    "go.mod": b"module example.org/shop\n\ngo 1.22\n",
    "cmd/api/main.go": package("fmt", "example.org/shop/internal/log", "github.com/other/module"),
    "cmd/web/main.go": package("example.org/shop/none"),
    "cmd/doc/readme.txt": b"",
    "cmd/check/check_test.go": package(),
    "internal/log/log.go": package("example.org/shop/internal/text"),
    "internal/text/text.go": package("example.org/shop/internal/log"),
}


def sources(files: dict[str, bytes], name: str, folder: str = "", *, tests: bool = False) -> tuple[str, ...]:
    return go_sources(MemoryTree(files), folder, name, AT, tests=tests)


def refused(files: dict[str, bytes], name: str, folder: str = "") -> PlanError:
    with pytest.raises(PlanError) as caught:
        sources(files, name, folder)
    assert caught.value.at == AT
    return caught.value


def test_what_is_imported_is_found_sorted_and_once() -> None:
    expected = ("cmd/api/main.go", "go.mod", "internal/log/log.go", "internal/text/text.go")
    assert sources(SHOP, "./cmd/api") == expected
    assert sources(SHOP, "example.org/shop/cmd/api") == expected
    assert sources(SHOP, ".", "cmd/api") == expected


def test_an_own_package_that_is_missing_is_left_to_the_compiler() -> None:
    assert sources(SHOP, "./cmd/web") == ("cmd/web/main.go", "go.mod")


def test_tests_alone_are_a_package_only_with_tests() -> None:
    assert sources(SHOP, "./cmd/check", tests=True) == ("cmd/check/check_test.go", "go.mod")
    error = refused(SHOP, "./cmd/check")
    assert (error.message, error.hint) == (
        "the package `./cmd/check` holds only tests",
        "`tests: true` takes them in",
    )


def test_each_file_is_read_once_for_all_packages() -> None:
    tree = MemoryTree(SHOP)
    memo: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}
    first = go_sources(tree, "", "./cmd/api", AT, memo=memo)
    assert go_sources(tree, "", "./cmd/api", AT, memo=memo) == first
    go_sources(tree, "", "./internal/log", AT, memo=memo)
    code = [path for path in tree.opened if path.endswith(".go")]
    assert sorted(code) == [path for path in first if path.endswith(".go")]


def test_each_folder_is_listed_once() -> None:
    tree = MemoryTree(SHOP)
    go_sources(tree, "", "./...", AT)
    assert len(tree.listed) == len(set(tree.listed))


@pytest.mark.parametrize(
    ("name", "folder", "message", "hint"),
    [
        (
            "./cmd/apo",
            "",
            "there is no folder `cmd/apo` for the package `./cmd/apo`",
            "did you mean `./cmd/api`?",
        ),
        ("./doc", "cmd", "`./doc` holds no Go files", "known: ./api, ./web"),
        (".", "cmd", "`.` holds no Go files", "known: ./api, ./web"),
        ("./cmd", "", "`./cmd` holds no Go files", "known: ./cmd/api, ./cmd/web"),
        ("./cmd/doc/...", "", "`./cmd/doc/...` holds no Go files", "known: ./cmd/api, ./cmd/web"),
        (
            "example.org/shop/cmd/apis",
            "",
            "there is no folder `cmd/apis` for the package `example.org/shop/cmd/apis`",
            "did you mean `example.org/shop/cmd/api`?",
        ),
        (
            "cmd/api",
            "",
            "`cmd/api` is not a package of `example.org/shop`",
            "a folder is written `./cmd/api`",
        ),
        (
            "example.org/shot",
            "",
            "`example.org/shot` is not a package of `example.org/shop`",
            "did you mean `example.org/shop`?",
        ),
        ("../x", "", "`../x` is outside of the project's top folder", ""),
        ("../../x", "cmd", "`../../x` is outside of the project's top folder", ""),
    ],
)
def test_a_package_that_is_not_there(name: str, folder: str, message: str, hint: str) -> None:
    error = refused(SHOP, name, folder)
    assert (error.message, error.hint) == (message, hint)


@pytest.mark.parametrize("name", ["", "...", "/abs", "/...", "./a.../b", "./.../b/..."])
def test_a_pattern_that_cannot_be_followed(name: str) -> None:
    error = refused(SHOP, name)
    assert error.message == f"`{name}` is not a package whose imports can be followed"


def test_a_module_must_be_there() -> None:
    error = refused({"cmd/api/main.go": package()}, "./cmd/api")
    assert error.message == "there is no go.mod in `cmd/api` or above it"
    assert "go mod init" in error.hint
    assert refused({"main.go": package()}, ".").message == "there is no go.mod in `.` or above it"


@pytest.mark.parametrize("target", ["../lib", "/usr/lib/lib", "./a/../../lib"])
def test_a_folder_outside_of_the_top_is_refused(target: str) -> None:
    module = SHOP["go.mod"] + f"replace example.org/lib => {target}\n".encode()
    error = refused(SHOP | {"go.mod": module}, "./cmd/api")
    assert error.message == f"`go.mod` names `{target}`, which is outside of the project's top folder"
    assert error.hint != ""


@pytest.mark.parametrize("line", ["use ../lib", "replace example.org/lib => ../lib"])
def test_a_workspace_outside_of_the_top_is_refused(line: str) -> None:
    error = refused(SHOP | {"go.work": f"go 1.22\nuse .\n{line}\n".encode()}, "./cmd/api")
    assert error.message == "`go.work` names `../lib`, which is outside of the project's top folder"


def test_a_workspace_of_other_modules_does_not_count() -> None:
    assert "go.work" not in sources(SHOP | {"go.work": b"go 1.22\nuse ./internal/log\n"}, "./cmd/api")


def test_a_workspace_without_modules_does_not_count() -> None:
    assert "go.work" not in sources(SHOP | {"go.work": b"go 1.22\n"}, "./cmd/api")


def test_a_workspace_overrides_what_modules_replace() -> None:
    files = {
        "go.work": b"go 1.22\nuse (\n./a\n./b\n)\nreplace example.org/lib => ./two\n",
        "a/go.mod": b"module example.org/a\nreplace example.org/lib => ../one\nreplace example.org/b => ./x",
        "a/a.go": package("example.org/lib", "example.org/b"),
        "b/go.mod": b"module example.org/b\ngo 1.22\n",
        "b/b.go": package(),
        "one/go.mod": b"module example.org/lib\n",
        "one/lib.go": package(),
        "two/go.mod": b"module example.org/lib\n",
        "two/lib.go": package(),
    }
    expected = ("a/a.go", "a/go.mod", "b/b.go", "b/go.mod", "go.work", "two/go.mod", "two/lib.go")
    assert sources(files, "example.org/a", "b") == expected


def test_the_module_with_the_longest_path_that_has_the_package_gives_it() -> None:
    module = (
        SHOP["go.mod"] + b"replace example.org/shop/sdk => ./sdk\nreplace example.org/shop/sdk v2 => ./sdk2\n"
    )
    files = {
        "go.mod": module,
        "main.go": package("example.org/shop/sdk/a", "example.org/shop/sdk", "example.org/shop/sdk/../main"),
        "sdk/go.mod": b"module example.org/shop/sdk\n",
        "sdk/a/a.go": package(),
        "sdk2/go.mod": b"module example.org/shop/sdk\n",
        "sdk2/a/a.go": package(),
    }
    expected = ("go.mod", "main.go", "sdk/a/a.go", "sdk/go.mod", "sdk2/a/a.go", "sdk2/go.mod")
    assert sources(files, ".") == expected


VENDORED = {
    "go.mod": b"module example.org/shop\ngo 1.22\nreplace example.org/lib => ../outside\n",
    "main.go": package("fmt", "example.org/lib/log", "example.org/none"),
    "vendor/modules.txt": b"# example.org/lib v1.0.0\n",
    "vendor/example.org/lib/log/log.go": package("example.org/lib/text"),
    "vendor/example.org/lib/text/text.go": package(),
    "vendor/example.org/lib/more/more.go": package(),
}


def test_vendored_packages_are_taken_as_they_are_imported() -> None:
    oldest = VENDORED["go.mod"].replace(b"1.22", b"1.14")
    assert sources(VENDORED | {"go.mod": oldest}, ".") == sources(VENDORED, ".")
    assert sources(VENDORED, ".") == (
        "go.mod",
        "main.go",
        "vendor/example.org/lib/log/log.go",
        "vendor/example.org/lib/text/text.go",
        "vendor/modules.txt",
    )


def test_a_vendored_neighbour_does_not_hide_the_module() -> None:
    files = {path: code for path, code in VENDORED.items() if path != "main.go"} | {"cmd/main.go": package()}
    assert sources(files, "example.org/shop/...") == ("cmd/main.go", "go.mod", "vendor/modules.txt")


@pytest.mark.parametrize(
    "change",
    [
        {"go.mod": b"module example.org/shop\ngo 1.13\n"},
        {"go.mod": b"module example.org/shop\ngo 1.22\n", "vendor/modules.txt": b"## workspace\n"},
    ],
)
def test_a_vendor_folder_that_go_does_not_use(change: dict[str, bytes]) -> None:
    assert sources(VENDORED | change, ".") == ("go.mod", "main.go")


WIDE = {
    "go.mod": b"module example.org/shop\nignore (\n./made\nnode_modules\n)\n",
    **dict.fromkeys(
        (
            *("a/a.go", "a/made/kept.go", "a/testdata/t.go", "a/vendor/v.go", "a/node_modules/n.go"),
            *("made/m.go", "made/er/m.go", "made_up/m.go", "_x/x.go", ".y/y.go", "deep/er/s.go"),
            *("deep/only_test.go", "sub/go.mod", "sub/sub.go", "sub/er/s.go", "zoo/z.go"),
        ),
        package(),
    ),
}


def test_dots_reach_all_packages_of_the_module() -> None:
    expected = ("a/a.go", "a/made/kept.go", "deep/er/s.go", "go.mod", "made_up/m.go", "zoo/z.go")
    assert sources(WIDE, "./...") == expected
    assert sources(WIDE, "example.org/shop/...") == expected
    assert sources(WIDE, "./...", "deep") == ("deep/er/s.go", "go.mod")
    assert sources(WIDE, "./...", "deep", tests=True) == ("deep/er/s.go", "deep/only_test.go", "go.mod")
    nested = {f"deep/shop/{path}": code for path, code in WIDE.items()}
    assert sources(nested, "./...", "deep/shop") == tuple(f"deep/shop/{path}" for path in expected)
    assert sources(WIDE, "./...", "sub") == ("sub/er/s.go", "sub/go.mod", "sub/sub.go")


def test_tests_of_the_named_package_bring_what_they_need() -> None:
    files = SHOP | {
        "cmd/api/default.pgo": b"",
        "cmd/api/main_test.go": package("example.org/shop/internal/fixture"),
        "cmd/api/testdata/go.mod": b"",
        "cmd/api/testdata/.case/_golden": b"",
        "internal/fixture/fixture.go": package(),
        "internal/fixture/fixture_test.go": package("example.org/shop/cmd/web"),
        "internal/log/testdata/log.txt": b"",
        "internal/log/default.pgo": b"",
    }
    plain = ("cmd/api/default.pgo", *sources(SHOP, "./cmd/api"))
    assert sources(files, "./cmd/api") == plain
    added = (
        "cmd/api/main_test.go",
        "cmd/api/testdata/.case/_golden",
        "cmd/api/testdata/go.mod",
        "internal/fixture/fixture.go",
    )
    assert sources(files, "./cmd/api", tests=True) == tuple(sorted(plain + added))


def test_an_import_path_of_tests_alone() -> None:
    assert "cmd/check/check_test.go" in sources(SHOP, "example.org/shop/cmd/check", tests=True)
    assert refused(SHOP, "example.org/shop/cmd/check").hint == "`tests: true` takes them in"


def test_hidden_files_and_files_in_other_languages() -> None:
    names = ("x.c", "x.h", "x.S", "x_windows.s", "x.cc", "x.f90", "x.syso", "x.swig")
    files = dict.fromkeys((*names, ".x.c", "_x.h", "_x.go", ".x.go", "x.txt", "c", "x.c.bak"), b"")
    found = sources({"go.mod": SHOP["go.mod"], "x.go": package(), **files}, ".")
    assert found == tuple(sorted(("go.mod", "x.go", *names)))


def test_links_and_things_that_are_no_files() -> None:
    tree = MemoryTree(
        {"go.mod": SHOP["go.mod"], "real/r.go": package(), "a.go": package("example.org/shop/link")},
        links={"link": "real", "b.go": "real/r.go", "c.go": "nowhere"},
        others=("d.go",),
    )
    assert go_sources(tree, "", ".", AT) == ("a.go", "b.go", "go.mod", "link/r.go")
    assert go_sources(tree, "", "./...", AT) == ("a.go", "b.go", "go.mod", "link/r.go", "real/r.go")
