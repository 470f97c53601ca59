"""`{go: PACKAGE}` beside the real `go list`: nothing that it names is missing, and no package is too much."""

# ruff: noqa: TID251 - a test's start may cost what it likes

import json
import os
import subprocess
from pathlib import Path
from posixpath import dirname, normpath, relpath

from runner.location import Position
from runner.plan.go_sources import go_sources
from tests.fakes.disk_tree import DiskTree

AT = Position("tasks.yml", 3, 14, 9)
LISTS = (
    *("GoFiles", "CgoFiles", "IgnoredGoFiles", "CFiles", "CXXFiles", "MFiles", "HFiles", "FFiles", "SFiles"),
    *("SwigFiles", "SwigCXXFiles", "SysoFiles", "IgnoredOtherFiles", "EmbedFiles"),
)
TEST_LISTS = ("TestGoFiles", "XTestGoFiles", "TestEmbedFiles", "XTestEmbedFiles")
FIELDS = ("ImportPath", "Dir", "DepOnly", "DefaultPGOFile", *LISTS, *TEST_LISTS)
PLATFORMS = (
    ("linux", "amd64", "1", ""),
    ("linux", "amd64", "0", "extra,integration"),
    ("windows", "arm64", "0", ""),
    ("darwin", "amd64", "0", "extra,other"),
    ("plan9", "386", "0", "ignore"),
)
"""Operating system, processor, cgo or not, and build tags, which together reach every package below."""
MODULE = "module example.org/shop\n\ngo 1.22\n"
MAIN = "package main\n\nfunc main() {}\n"


def written(top: Path, files: dict[str, str]) -> Path:
    """A new folder `top` with these files."""
    for name, text in files.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return top


def go(folder: Path, *words: str, platform: tuple[str, str, str] = ("linux", "amd64", "1")) -> str:
    """What `go` prints when it runs in a folder, without network and without the user's settings."""
    system, processor, cgo = platform
    isolated = {"GOFLAGS": "", "GOENV": "off", "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOWORK": ""}
    chosen = {"GOOS": system, "GOARCH": processor, "CGO_ENABLED": cgo}
    environment = {**os.environ, **isolated, **chosen}
    done = subprocess.run(
        ("go", *words), cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def listed(top: Path, folder: str, package: str, *, tests: bool) -> tuple[set[str], set[str]]:
    """The files that `go list` names on any of the platforms, and the folders of their packages."""
    files: set[str] = set()
    folders: set[str] = set()
    for *platform, tags in PLATFORMS:
        system, processor, cgo = platform
        words = [
            "list",
            "-e",
            f"-json={','.join(FIELDS)}",
            "-deps",
            "-tags",
            tags,
            *(["-test"] * tests),
            package,
        ]
        text = go(top / folder, *words, platform=(system, processor, cgo))
        at, decoder = 0, json.JSONDecoder()
        while at < len(text.rstrip()):
            entry, at = decoder.raw_decode(text, at)
            at += 1
            place = relpath(entry.get("Dir", "/"), top)
            if place.startswith("..") or entry["ImportPath"].endswith(".test"):
                continue
            folders.add(place)
            asked_for = not entry.get("DepOnly", False)
            keys = LISTS + TEST_LISTS * (asked_for and tests)
            names = [name for key in keys for name in entry.get(key, ()) if name[0] not in "_."]
            if asked_for and "DefaultPGOFile" in entry:
                names.append(relpath(entry["DefaultPGOFile"], entry["Dir"]))
            files |= {normpath(f"{place}/{name}") for name in names if tests or not name.endswith("_test.go")}
    return files, folders


def checked(top: Path, package: str, folder: str = "", *, tests: bool = False) -> set[str]:
    """The sources of a package, after they are held against what `go list` says."""
    found = set(go_sources(DiskTree(top), folder, package, AT, tests=tests))
    files, folders = listed(top, folder, package, tests=tests)
    assert len(files) > 0, "go list names nothing: the comparison would prove nothing"
    assert files - found == set()
    beyond = {dirname(path) or "." for path in found - files if path.endswith((".go", ".c", ".h", ".s"))}
    assert {place for place in beyond if "testdata" not in place} - folders == set()
    return found


def test_all_platforms_and_tags_count_and_no_stranger(tmp_path: Path) -> None:
    top = written(
        tmp_path / "top",
        {
            "go.mod": MODULE,
            "go.sum": "",
            "cmd/api/main.go": 'package main\n\nimport _ "example.org/shop/internal/db"\n',
            "cmd/api/main_windows.go": 'package main\n\nimport _ "example.org/shop/internal/win"\n',
            "cmd/api/extra.go": (
                '//go:build extra && !other\n\npackage main\nimport _ "example.org/shop/internal/extra"\n'
            ),
            "cmd/api/main_test.go": 'package main\n\nimport _ "example.org/shop/internal/fixture"\n',
            "cmd/api/api_test.go": 'package main_test\n\nimport _ "example.org/shop/internal/outer"\n',
            "cmd/api/_draft.go": 'package main\n\nimport _ "example.org/shop/internal/stranger"\n',
            "cmd/api/testdata/golden.txt": "",
            "cmd/api/testdata/case/go.mod": "module example.org/case\n",
            "cmd/api/default.pgo": "",
            "cmd/other/main.go": MAIN,
            "internal/db/db.go": 'package db\n\nimport (\n\t"fmt"\n\t_ "example.org/shop/internal/log"\n)\n',
            "internal/db/db_test.go": 'package db\n\nimport _ "example.org/shop/internal/stranger"\n',
            "internal/log/log_arm64.s": "",
            "internal/log/log.go": "package log\n",
            "internal/win/win_arm64.go": "package win\n",
            "internal/extra/extra.go": "package extra\n",
            "internal/fixture/fixture.go": "package fixture\n",
            "internal/outer/outer.go": "package outer\n",
            "internal/stranger/stranger.go": "package stranger\n",
        },
    )
    plain = checked(top, "./cmd/api")
    assert plain == {
        "go.mod",
        "go.sum",
        "cmd/api/main.go",
        "cmd/api/main_windows.go",
        "cmd/api/extra.go",
        "cmd/api/default.pgo",
        "internal/db/db.go",
        "internal/log/log.go",
        "internal/log/log_arm64.s",
        "internal/win/win_arm64.go",
        "internal/extra/extra.go",
    }
    assert checked(top, "example.org/shop/cmd/api") == plain
    assert checked(top, "./api", "cmd") == plain
    assert checked(top, "../cmd/api", "internal") == plain
    assert checked(top, "./cmd/api", tests=True) - plain == {
        "cmd/api/main_test.go",
        "cmd/api/api_test.go",
        "cmd/api/testdata/golden.txt",
        "cmd/api/testdata/case/go.mod",
        "internal/fixture/fixture.go",
        "internal/outer/outer.go",
    }


def test_embedded_files_are_those_of_go(tmp_path: Path) -> None:
    top = written(
        tmp_path / "top",
        {
            "go.mod": MODULE,
            "web.go": (
                'package web\n\nimport "embed"\n\n'
                '//go:embed page.html static/*.css\n//go:embed `with space.txt` "with two.txt"\n'
                "var files embed.FS\n\nvar (\n\t//go:embed tree\n\ttree embed.FS\n\n"
                "\t//go:embed all:whole [x-z]*.md hid/*\n\twhole embed.FS\n)\n"
            ),
            "page.html": "",
            "with space.txt": "",
            "with two.txt": "",
            "static/site.css": "",
            "static/site.js": "",
            "tree/leaf": "",
            "tree/.hidden": "",
            "tree/_hidden/leaf": "",
            "tree/deep/er/leaf": "",
            "tree/module/go.mod": "module example.org/tree\n",
            "whole/.hidden": "",
            "whole/_hidden/leaf": "",
            "hid/.dot": "",
            "hid/_sub/leaf": "",
            "hid/_sub/.leaf": "",
            "yes.md": "",
            "no.md": "",
            "test.txt": "",
            "web_test.go": 'package web\n\nimport _ "embed"\n\n//go:embed test.txt\nvar text string\n',
        },
    )
    files, _ = listed(top, "", ".", tests=False)
    assert checked(top, ".") == files | {"go.mod"}
    assert {"whole/_hidden/leaf", "hid/.dot", "yes.md", "with two.txt"} <= files
    assert checked(top, ".", tests=True) - checked(top, ".") == {"web_test.go", "test.txt"}


def test_files_in_other_languages_count(tmp_path: Path) -> None:
    top = written(
        tmp_path / "top",
        {
            "go.mod": MODULE,
            "zip/zip.go": '//go:build cgo\n\npackage zip\n\n// #include "zip.h"\nimport "C"\n',
            "zip/plain.go": "//go:build !cgo\n\npackage zip\n",
            **{f"zip/zip.{suffix}": "" for suffix in ("c", "h", "cc", "hpp", "S", "m", "f90", "syso", "txt")},
            "zip/zip_windows.c": "",
            "main.go": 'package main\n\nimport _ "example.org/shop/zip"\n\nfunc main() {}\n',
            "main.S": "",
            "main_gccgo.c": "//go:build gccgo\n",
        },
    )
    found = checked(top, ".")
    assert {"zip/zip.c", "zip/zip_windows.c", "zip/zip.h", "zip/zip.S", "zip/plain.go", "main.S"} <= found
    assert "main_gccgo.c" in found
    assert "zip/zip.txt" not in found


def test_replaced_folders_and_nested_modules(tmp_path: Path) -> None:
    top = written(
        tmp_path / "top",
        {
            "services/pay/go.mod": (
                MODULE + "\nrequire (\n\texample.org/shop/sdk v0.1.0\n\texample.org/lib v1.0.0\n)\n\n"
                "replace example.org/shop/sdk => ./sdk // near\n\n"
                'replace (\n\texample.org/lib v1.0.0 => "../../lib"\n)\n'
            ),
            "services/pay/main.go": (
                'package main\n\nimport (\n\t_ "example.org/lib/log"\n\t_ "example.org/shop/sdk/client"\n)\n'
            ),
            "services/pay/sdk/go.mod": "module example.org/shop/sdk\n\ngo 1.22\n",
            "services/pay/sdk/client/client.go": "package client\n",
            "services/pay/sdk/server/server.go": "package server\n",
            "services/pay/other/go.mod": "module example.org/shop/other\n",
            "services/pay/other/other.go": "package other\n",
            "lib/go.mod": "module example.org/lib\n\ngo 1.22\n",
            "lib/log/log.go": 'package log\n\nimport _ "example.org/lib/text"\n',
            "lib/text/text.go": "package text\n",
            "lib/unused/unused.go": "package unused\n",
        },
    )
    found = checked(top, ".", "services/pay")
    assert found == {
        "services/pay/go.mod",
        "services/pay/main.go",
        "services/pay/sdk/go.mod",
        "services/pay/sdk/client/client.go",
        "lib/go.mod",
        "lib/log/log.go",
        "lib/text/text.go",
    }
    assert checked(top, "./...", "services/pay") == found


def test_a_workspace_joins_its_modules(tmp_path: Path) -> None:
    top = written(
        tmp_path / "top",
        {
            "go.work": "go 1.22\n\nuse (\n\t./pay\n\t./kit // shared\n)\n\nuse ./tool\n",
            "go.work.sum": "",
            "pay/go.mod": "module example.org/pay\n\ngo 1.22\n",
            "pay/go.sum": "",
            "pay/cmd/pay/main.go": 'package main\n\nimport _ "example.org/kit/log"\n\nfunc main() {}\n',
            "kit/go.mod": "module example.org/kit\n\ngo 1.22\n",
            "kit/log/log.go": "package log\n",
            "kit/text/text.go": "package text\n",
            "tool/go.mod": "module example.org/tool\n\ngo 1.22\n",
            "tool/tool.go": MAIN,
            "alone/go.mod": "module example.org/alone\n\ngo 1.22\n",
            "alone/main.go": MAIN,
        },
    )
    modules = {"go.work", "go.work.sum", "pay/go.mod", "pay/go.sum", "kit/go.mod", "tool/go.mod"}
    code = {"pay/cmd/pay/main.go", "kit/log/log.go"}
    assert checked(top, "./pay/cmd/pay") == modules | code
    assert checked(top, "./cmd/pay", "pay") == modules | code
    assert checked(top, "example.org/pay/cmd/pay") == modules | code
    assert checked(top, "example.org/kit/...", "pay") == modules | {"kit/log/log.go", "kit/text/text.go"}
    assert set(go_sources(DiskTree(top), "alone", ".", AT)) == {"alone/go.mod", "alone/main.go"}


def test_vendor_takes_the_place_of_replaced_folders(tmp_path: Path) -> None:
    top = written(
        tmp_path / "top",
        {
            "go.mod": MODULE + "\nrequire example.org/lib v1.0.0\n\nreplace example.org/lib => ./lib\n",
            "main.go": 'package main\n\nimport _ "example.org/lib/log"\n\nfunc main() {}\n',
            "lib/go.mod": "module example.org/lib\n\ngo 1.22\n",
            "lib/log/log.go": (
                'package log\n\nimport (\n\t_ "embed"\n\n\t_ "example.org/lib/text"\n)\n\n'
                "//go:embed words.txt\nvar words string\n"
            ),
            "lib/log/words.txt": "",
            "lib/text/text.go": "package text\n",
            "lib/more/more.go": "package more\n",
            "unused/unused.go": 'package unused\n\nimport _ "example.org/lib/more"\n',
        },
    )
    go(top, "mod", "vendor")
    assert checked(top, ".") == {
        "go.mod",
        "main.go",
        "vendor/modules.txt",
        "vendor/example.org/lib/log/log.go",
        "vendor/example.org/lib/log/words.txt",
        "vendor/example.org/lib/text/text.go",
    }
    assert "vendor/example.org/lib/more/more.go" in checked(top, "./...")


def test_a_workspace_has_its_own_vendor_folder(tmp_path: Path) -> None:
    top = written(
        tmp_path / "top",
        {
            "go.work": "go 1.22\n\nuse ./pay\n\nreplace example.org/lib => ./lib\n",
            "pay/go.mod": "module example.org/pay\n\ngo 1.22\n\nrequire example.org/lib v1.0.0\n",
            "pay/main.go": 'package main\n\nimport _ "example.org/lib/log"\n\nfunc main() {}\n',
            "lib/go.mod": "module example.org/lib\n\ngo 1.22\n",
            "lib/log/log.go": "package log\n",
        },
    )
    assert "lib/log/log.go" in checked(top, ".", "pay")
    go(top, "work", "vendor")
    found = checked(top, ".", "pay")
    assert {"vendor/modules.txt", "vendor/example.org/lib/log/log.go"} <= found
    assert "lib/log/log.go" not in found


def test_dots_reach_what_go_reaches(tmp_path: Path) -> None:
    top = written(
        tmp_path / "top",
        {
            "go.mod": "module example.org/shop\n\ngo 1.25\n\nignore (\n\t./made\n\tnode_modules\n)\n",
            "a/a.go": "package a\n",
            "a/testdata/t/t.go": "package t\n",
            "a/vendor/v/v.go": "package v\n",
            "a/node_modules/n/n.go": "package n\n",
            "a/made/kept.go": "package made\n",
            "made/m/m.go": "package m\n",
            "_x/x.go": "package x\n",
            ".y/y.go": "package y\n",
            "sub/go.mod": "module example.org/shop/sub\n",
            "sub/sub.go": "package sub\n",
            "deep/er/still/s.go": "package still\n",
            "deep/only_test.go": "package deep\n",
        },
    )
    expected = {"go.mod", "a/a.go", "a/made/kept.go", "deep/er/still/s.go"}
    assert checked(top, "./...") == expected
    assert checked(top, "example.org/shop/...") == expected
    assert checked(top, "./deep/...") == {"go.mod", "deep/er/still/s.go"}
    assert checked(top, "./deep/...", tests=True) == {"go.mod", "deep/er/still/s.go", "deep/only_test.go"}


def test_the_example_of_the_manual() -> None:
    top = Path(__file__).parents[2] / "examples" / "payments"
    for main in sorted((top / "cmd").iterdir()):
        checked(top, f"./cmd/{main.name}")
        checked(top, f"./cmd/{main.name}", tests=True)
    checked(top, "./...", tests=True)
