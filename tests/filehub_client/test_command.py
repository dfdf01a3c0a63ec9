"""The command `filehub` as a process, with a real site, worker and S3."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from filehub_client import Client, cli
from tests.filehub_client.conftest import QUICK
from tests.support.installation import SMALL_PART, Installation
from tests.support.processes import ROOT
from tests.support.proxy import Request, parts
from tests.support.waiting import wait_for

#: Runs the command to its end: exit status, lines of output, and everything else that it says.
Command = Callable[..., tuple[int, list[str], str]]


@pytest.fixture
def environment(tmp_path: Path, clean: Installation, token_file: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path / "home"),
        "FILEHUB_URL": clean.url,
        "FILEHUB_TOKEN_FILE": str(token_file),
        "PYTHONIOENCODING": "ascii",
    }


def _start(environment: dict[str, str], *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "filehub_client", *map(str, arguments)],
        env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip


@pytest.fixture
def command(
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    """In this process, since starting Python each time would take most of the tests' time."""

    def run(*arguments: object, text: str = "", **changes: str) -> tuple[int, list[str], str]:
        capsys.readouterr()
        with monkeypatch.context() as patch:
            patch.setattr(cli, "Client", partial(Client, retries=QUICK))
            for name, value in (environment | changes).items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdin", TextIOWrapper(BytesIO(text.encode())))
            try:
                status = cli.main([str(argument) for argument in arguments])
            except SystemExit as exc:  # of argparse
                status = int(str(exc.code))
        out, err = capsys.readouterr()
        return status, out.splitlines(), err

    return run


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "signum", [signal.SIGINT, pytest.param(signal.SIGKILL, marks=pytest.mark.exhaustive)]
)
def test_an_interrupted_upload_sends_only_what_is_missing(
    clean: Installation, environment: dict[str, str], command: Command, tmp_path: Path, signum: int
) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    # It must be above the size that goes in one request, whatever the server's threshold is.
    large = os.urandom(4 * SMALL_PART)
    (tree / "large").write_bytes(large)
    bodies = {"large": large, "a": b"a", "b": b"b"}
    for name in ("a", "b"):
        (tree / name).write_bytes(bodies[name])

    def is_last_part(request: Request) -> bool:
        return parts(request) and "partNumber=4" in request.query

    clean.s3.hold(is_last_part)
    process = _start(environment, "upload", tree)
    wait_for(lambda: sum(r.over for r in clean.s3.requests(parts)) == 2 + 3)
    process.send_signal(signum)
    _, err = process.communicate(timeout=60)
    assert process.returncode == (130 if signum == signal.SIGINT else -signum)
    assert "Run the same command again" in err or signum == signal.SIGKILL, err
    clean.s3.release()
    clean.s3.reset()
    status, lines, err = command("upload", tree)
    assert status == 0, (lines, err)
    assert [r.size for r in clean.s3.requests(parts)] == [SMALL_PART]
    ids = {Path(line.split()[2]).name: line.split()[0] for line in lines}
    assert {name: clean.download(ids[name]) for name in ids} == bodies
    # All have been stored exactly once, and nothing is left to resume.
    names = sorted(file["file_name"] for file in clean.files(folder="tree"))
    assert names == ["a", "b", "large"]
    assert list((tmp_path / "home/.local/state/filehub").iterdir()) == []
    for upload_id in ids.values():
        clean.api(f"/files/{upload_id}", "DELETE")
    wait_for(lambda: clean.files(folder="tree") == [])


@pytest.mark.exhaustive
def test_an_interrupted_download_requests_only_the_rest(
    clean: Installation, environment: dict[str, str], command: Command, tmp_path: Path
) -> None:
    body = os.urandom(4 * SMALL_PART)
    (tmp_path / "source").write_bytes(body)
    _, (line,), _ = command("upload", tmp_path / "source")
    file_id = line.split()[0]
    part = tmp_path / f"{file_id}.part"
    target = tmp_path / "copy"
    clean.s3.bandwidth = 4 * 1024**2
    process = _start(environment, "download", file_id, "-o", target)
    wait_for(lambda: part.exists() and part.stat().st_size > 1024**2)
    process.kill()
    process.communicate(timeout=60)
    clean.s3.reset()
    received = part.stat().st_size
    assert 0 < received < len(body)
    status, lines, err = command("download", file_id, "-o", target)
    assert (status, target.read_bytes() == body) == (0, True), (lines, err)
    (get,) = [r for r in clean.s3.requests() if r.method == "GET" and "range" in r.headers]
    assert get.headers["range"] == f"bytes={received}-"
    assert not part.exists()
    status, lines, _ = command("download", file_id, "-o", target)
    assert (status, "exists already" in lines[0]) == (1, True)


def test_folders_are_kept_in_both_directions(command: Command, tmp_path: Path) -> None:
    tree = tmp_path / "Bilder"
    (tree / "2024" / "é").mkdir(parents=True)
    bodies = {"a.txt": b"a", "2024/b.txt": b"bb", "2024/é/Größe.txt": b"ccc"}
    for name, body in bodies.items():
        (tree / name).write_bytes(body)
    status, lines, err = command("upload", tree, "--folder", "Kept")
    assert (status, len(lines)) == (0, 3), (lines, err)
    ids = [line.split()[0] for line in lines]

    def listed(*options: str) -> list[str]:
        _, found, _ = command("list", *options)
        return sorted(line.split("  ")[-1] for line in found)

    every = ["Kept/Bilder/2024/b.txt", "Kept/Bilder/2024/é/Größe.txt", "Kept/Bilder/a.txt"]
    assert listed("--folder", "Kept") == []
    assert listed("--folder", "Kept/Bilder/2024") == every[:1]
    # Anywhere in the name, ignoring case and accents, also in subfolders.
    assert listed("--folder", "Kept", "--search", ".TXT") == every
    assert listed("--folder", "Kept/Bilder/2024", "--search", "grosso") == []
    assert listed("--folder", "Kept/Bilder/2024", "--search", "ROSSE") == every[1:2]
    assert listed("--folder", "Kept", "--name", "a.txt") == every[2:]
    assert not set(every) & set(listed("--folder", ""))
    down = tmp_path / "down"
    down.mkdir()
    status, lines, err = command("download", *ids, "-o", down, "--folders")
    assert status == 0, (lines, err)
    top = down / "Kept" / "Bilder"
    assert {name: (top / name).read_bytes() for name in bodies} == bodies
    assert command("delete", *ids)[0] == 0


def test_a_rejected_file_is_reported_with_its_reason(command: Command, tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"<!doctype html><script>alert(1)</script>")
    (tmp_path / "good.txt").write_bytes(b"good")
    status, lines, _ = command("upload", tmp_path / "picture.png", tmp_path / "good.txt")
    states = {Path(line.split()[2]).name: line for line in lines}
    assert (status, len(lines)) == (1, 2)
    assert "  stored  " in states["good.txt"]
    assert "  rejected  " in states["picture.png"]
    assert "content is a web page" in states["picture.png"]
    upload_id = states["picture.png"].split()[0]
    status, (line,), _ = command("wait", upload_id)
    assert (status, "rejected" in line) == (1, True)


@pytest.mark.exhaustive
def test_names_of_others_control_neither_terminal_nor_disk(
    environment: dict[str, str], command: Command, tmp_path: Path
) -> None:
    hostile = "../../x\u202efdp.größe"
    status, (line,), err = command("upload", "-", "--name", hostile, text="x")
    assert status == 0, (line, err)
    file_id = line.split()[0]
    listed, _ = _start(environment, "list", "--name", hostile).communicate(timeout=60)
    assert listed.endswith("../../x\\ufffdfdp.gr\\xf6\\xdfe\n")
    (tmp_path / "down").mkdir()
    status, _, _ = command("download", file_id, "-o", tmp_path / "down")
    (path,) = (tmp_path / "down").iterdir()
    assert (path.name, path.read_bytes()) == ("x_fdp.größe", b"x")
    assert command("delete", file_id)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "changes", "status", "says"),
    [
        (["list"], {"FILEHUB_TOKEN_FILE": ""}, 2, "API token"),
        (["list"], {"FILEHUB_TOKEN_FILE": "/no/such"}, 2, "cannot be read"),
        (["list"], {"FILEHUB_URL": ""}, 2, "FILEHUB_URL"),
        (["list"], {"FILEHUB_TOKEN": "s3cret"}, 1, "Sign in"),
        (["--url", "http://127.0.0.1:9", "list"], {}, 1, "127.0.0.1 could not be reached"),
        (["upload", "-"], {}, 2, "--name"),
        (["upload", "-", "x", "--name", "x"], {}, 2, "alone"),
        (["upload", "/no/such"], {}, 1, ""),
        (["upload", "/", "--name", "x"], {}, 2, "single file"),
        (["list", "--folder", "a//b"], {}, 1, "one slash between"),
        (["download", "a", "-o", "/no/such", "--folders"], {}, 2, "directory"),
        (["download", "0199f7a1-6a52-7c3e-9d10-4be2a1f0c9d7"], {}, 1, ""),
        (["download", "a", "b", "-o", "/no/such"], {}, 2, "directory"),
        (["delete", "../../files"], {}, 1, ""),
        (["wait", "x,y"], {}, 1, ""),
        (["nonsense"], {}, 2, "usage"),
        (["--parallel", "0", "list"], {}, 2, "usage"),
    ],
)
def test_errors_are_sentences(
    command: Command,
    token: str,
    arguments: list[str],
    changes: dict[str, str],
    status: int,
    says: str,
) -> None:
    found, lines, err = command(*arguments, **changes)
    assert (found, says in err) == (status, True), (lines, err)
    assert "Traceback" not in err
    assert "s3cret" not in err
    assert token not in err


@pytest.mark.exhaustive
def test_a_token_permits_what_its_scope_says(
    clean: Installation, command: Command, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_bytes(b"x")
    token = clean.manage("create_api_token", "demo", "--scopes", "upload")
    status, (line,), err = command("upload", tmp_path / "a.txt", FILEHUB_TOKEN=token)
    assert status == 0, (line, err)
    upload_id = line.split()[0]
    assert command("wait", upload_id, FILEHUB_TOKEN=token)[0] == 0
    for arguments, scope in (
        (["list"], "read"),
        (["download", upload_id, "-o", tmp_path], "read"),
        (["delete", upload_id], "delete"),
    ):
        status, lines, err = command(*arguments, FILEHUB_TOKEN=token)
        assert (status, f"“{scope}”" in f"{lines}{err}") == (1, True), (arguments, lines, err)
        assert token not in f"{lines}{err}"


@pytest.mark.exhaustive
def test_the_list_can_be_cut_off(
    command: Command, environment: dict[str, str], tmp_path: Path
) -> None:
    for name in ("one.txt", "two.txt"):
        (tmp_path / name).write_bytes(b"x")
    assert command("upload", tmp_path / "one.txt", tmp_path / "two.txt", "--folder", "Cut")[0] == 0
    _, lines, _ = command("list", "--json", "--limit", 1, "--folder", "Cut")
    files = [json.loads(line) for line in lines]
    assert [(file["folder"], file["size"]) for file in files] == [("Cut", 1)]
    with _start(environment, "list") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.stderr.read(), process.wait(60)) == ("", 1)


def test_tags_and_context_are_stored_and_found(command: Command, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    said = ["--tag", "März", "--tag", "a, b", "--context", '{"order": 7}']
    status, lines, _ = command("upload", tmp_path / "a.txt", *said)
    assert (status, lines[0].split()[1]) == (0, "stored")
    _, found, _ = command("list", "--json", "--tag", "März")
    (file,) = map(json.loads, found)
    assert (file["tags"], file["context"]) == (["März", "a, b"], {"order": 7})
    assert command("list", "--tag", "a")[:2] == (0, [])
    # The same file with something else to say is another upload.
    status, lines, _ = command("upload", tmp_path / "a.txt", "--destination", "nowhere")
    assert (status, lines[0].split()[1]) == (1, "failed")
    assert "There is no destination" in lines[0]
    assert command("upload", tmp_path / "a.txt", "--context", "[]")[0] == cli.USAGE
