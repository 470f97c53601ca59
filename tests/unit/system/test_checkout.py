import pytest

from runner.system.checkout import plain_address


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("https://git.example.org/team/app.git", "https://git.example.org/team/app.git"),
        ("https://user:token@git.example.org/team/app", "https://git.example.org/team/app"),
        ("https://token@git.example.org:8443/team/app?key=secret#x", "https://git.example.org:8443/team/app"),
        ("https://to:k@en@git.example.org/app", "https://git.example.org/app"),
        ("git@git.example.org:team/app.git", "ssh://git@git.example.org/team/app.git"),
        ("git.example.org:/srv/app", "ssh://git.example.org/srv/app"),
        ("ssh://git:password@git.example.org:22/app", "ssh://git@git.example.org:22/app"),
        ("git+ssh://git@git.example.org/app", "git+ssh://git@git.example.org/app"),
        ("git://git.example.org/app", "git://git.example.org/app"),
        ("/srv/git/app.git", ""),
        ("../app", ""),
        ("file:///home/me/app", ""),
        ("c:\\repos\\app", ""),
        ("./a:b", ""),
        ("ext::sh -c x", ""),
        ("", ""),
    ],
)
def test_an_address_has_no_credentials_and_no_folder_of_this_machine(written: str, shown: str) -> None:
    assert plain_address(written) == shown
