"""A project that installs the wheel, as docs/integrating.md says, on the oldest and newest Django.

The project is examples/mysite. Its users have UUIDs and e-mail addresses, its own pages have files,
and its Celery app, its Content-Security-Policy, and its CSRF names are not filehub's.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from local.aws import LocalAws, free_port
from tests.browser.conftest import watch
from tests.plugin import FIGURE
from tests.project import documents
from tests.support.http import send
from tests.support.processes import ROOT, stop
from tests.support.waiting import wait_for
from tests.support.webhook_receiver import Receiver, receiving

DOCUMENT = documents.read("docs/integrating.md")
EMAIL, PASSWORD = "owner@example.com", "correct horse"
#: Pages of the admin site of a project, beside those of each of its models.
ADMIN_PAGES = [
    "file", "queue", "storagereport", "apitoken", "auditentry", "webhookendpoint",
    "webhookdelivery",
]  # fmt: skip


def interpreter(version: str) -> str | None:
    """The path of this version of Python, in the path or installed by pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [shutil.which(f"python{version}"), *pyenv.glob(f"versions/{version}.*/bin/python")]
    for path in filter(None, candidates):
        if subprocess.run([path, "-c", ""], capture_output=True, timeout=60).returncode == 0:
            return str(path)
    return None


def run(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("wheel")
    uv = Path(sys.executable).parent / "uv"
    run(uv, "build", "--quiet", "--wheel", "--out-dir", directory)
    (path,) = directory.glob("*.whl")
    return path


@dataclass(frozen=True)
class Site:
    """The project, installed in an environment of its own."""

    directory: Path
    environment: dict[str, str]
    origin: str

    def shell(self, command: str) -> str:
        return run("bash", "-euc", command, cwd=self.directory, env=self.environment)

    @contextmanager
    def process(self, command: str, name: str) -> Iterator[Path]:
        """Run a command until the end; yields its log."""
        log = self.directory / f"{name}.log"
        with log.open("a") as output:
            child = subprocess.Popen(
                ["bash", "-c", f"exec env {command}"],
                cwd=self.directory,
                env=self.environment,
                stdout=output,
                stderr=output,
            )
        try:
            yield log
        finally:
            stop(child)  # type: ignore[arg-type]


def install(version: str, django: str, wheel: Path, directory: Path) -> Site:
    """Make an environment with this version of Django, and copy the project."""
    python = interpreter(version)
    if python is None:
        pytest.skip(f"Python {version} was not found, so the wheel was NOT tested with it.")
    uv, venv = Path(sys.executable).parent / "uv", directory / "venv"
    run(uv, "venv", "--quiet", "--python", python, venv)
    run(uv, "pip", "install", "--quiet", "--python", venv, wheel, f"django{django}")
    ours = ("FILEHUB_", "DJANGO_", "DATABASE_", "CELERY_", "PYTEST_", "PYTHON")
    environment = {name: text for name, text in os.environ.items() if not name.startswith(ours)}
    origin = f"http://127.0.0.1:{free_port()}"
    environment |= {
        "PATH": f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONUNBUFFERED": "1",
        "SITE_ORIGIN": origin,
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
    }
    shutil.copytree(ROOT / "examples" / "mysite", directory / "mysite")
    return Site(directory / "mysite", environment, origin)


def set_up(site: Site) -> None:
    """Run what the document says, after the installation."""
    installation, *commands = documents.blocks(DOCUMENT, "bash")
    assert installation.strip() == "pip install django-filehub"
    for command in commands:
        site.shell(command)
    site.shell(f"python manage.py createsuperuser --noinput --email {EMAIL}")


@contextmanager
def running(site: Site) -> Iterator[None]:
    """The processes that the document names."""
    (block,) = documents.blocks(DOCUMENT, "console")
    web, *others = block.splitlines()
    port = site.origin.rpartition(":")[2]
    with ExitStack() as stack:
        log = stack.enter_context(site.process(f"{web} --noreload 127.0.0.1:{port}", "web"))
        logs = [
            stack.enter_context(site.process(command, f"process-{number}"))
            for number, command in enumerate(others)
        ]

        def is_ready() -> bool:
            try:
                return send("GET", f"{site.origin}/files/readyz").status == 200
            except OSError:
                return False

        try:
            wait_for(is_ready)
            yield
        except BaseException:
            for path in (log, *logs):
                sys.stderr.write(f"--- {path.name}\n{path.read_text()[-4000:]}\n")
            raise


def sign_in(page: Page) -> None:
    """The address of the files leads to the project's own sign-in page, and back."""
    page.goto("/files/")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in to the shop").click()
    expect(page.locator("#choose-files")).to_be_visible()


def send_a_file(page: Page) -> None:
    page.locator("#file-input").set_input_files(
        {"name": "offer.txt", "mimeType": "text/plain", "buffer": b"for the shop"}
    )
    row = page.locator("#files").get_by_text("offer.txt", exact=True)
    expect(row).to_be_visible()
    with page.expect_response(re.compile(r"/files/files/[^/]+/download$")) as response:
        page.locator("#files a.file-download").click()
    content = page.request.get(response.value.json()["url"])
    assert content.body() == b"for the shop"


def check_admin(page: Page) -> None:
    """No page of the admin site fails, and the receiver of the signal has been called."""
    for model in ADMIN_PAGES:
        response = page.goto(f"/admin/uploads/{model}/")
        assert response
        assert response.status == 200, (model, page.content()[:2000])
    page.goto("/admin/uploads/file/")
    # The newest: both projects have the same bucket.
    page.get_by_role("link", name="offer.txt").first.click()
    expect(page.get_by_role("heading", name="Preview")).to_be_visible()
    page.goto("/admin/shop/user/")
    page.get_by_role("link", name=EMAIL).first.click()
    expect(page.locator("#id_filehub_quota-0-limit")).to_be_visible()

    def was_called() -> bool:
        page.goto("/admin/shop/delivery/")
        return page.get_by_role("link", name="offer.txt").count() == 1

    wait_for(was_called)


def check_other_pages(page: Page) -> None:
    """The project's own form keeps its files, and filehub's other pages exist below the prefix."""
    page.goto("/")
    page.get_by_label("Name").fill("Lamp")
    page.get_by_label("Manual").set_input_files(
        {"name": "lamp.txt", "mimeType": "text/plain", "buffer": b"switch it on"}
    )
    page.get_by_role("button", name="Add").click()
    manual = page.get_by_role("link", name="Manual").get_attribute("href")
    assert page.request.get(manual or "").body() == b"switch it on"
    for path in ("account/", "api/docs", "api/openapi.json", "jsi18n/"):
        assert page.request.get(f"/files/{path}").status == 200, path
    paths = page.request.get("/files/api/openapi.json").json()["paths"]
    assert "/files/get-url" in paths


def choose(page: Page, field: str, name: str, content: bytes) -> None:
    """Choose a file in an element, and wait until the form has it."""
    element = page.locator(f"filehub-upload[name={field}]")
    file = {"name": name, "mimeType": "text/plain", "buffer": content}
    element.locator("input[type=file]").set_input_files(file)
    expect(element.get_by_text(name, exact=True)).to_be_visible()
    expect(element.locator("input[type=hidden]")).to_have_count(1)
    expect(element.get_by_role("progressbar")).to_have_count(0)


def check_form(page: Page) -> None:
    """A file stays chosen while another field is invalid, and the row has it in the end."""
    page.goto("/apply/")
    choose(page, "letter", "letter.txt", b"hire me")
    page.get_by_label("Name").fill("  ")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".errorlist")).to_be_visible()
    expect(page.locator("filehub-upload[name=letter] input[type=hidden]")).to_have_count(1)
    page.get_by_label("Name").fill("Ada")
    page.get_by_role("button", name="Apply").click()
    url = page.get_by_role("link", name="letter.txt").get_attribute("href")
    assert page.request.get(url or "").body() == b"hire me"


def check_admin_form(page: Page) -> None:
    """The form of the admin site replaces the file."""
    page.goto("/admin/shop/application/")
    page.get_by_role("link", name="Ada").click()
    expect(page.get_by_text("letter.txt")).to_be_visible()
    choose(page, "letter", "better.txt", b"hire me, please")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist .success")).to_be_visible()
    page.goto("/apply/")
    url = page.get_by_role("link", name="better.txt").get_attribute("href")
    assert page.request.get(url or "").body() == b"hire me, please"


def add_endpoint(page: Page, receiver: Receiver) -> None:
    """Add an endpoint for webhooks in the admin site, and give the receiver its secret."""
    page.goto("/admin/uploads/webhookendpoint/add/")
    page.locator("#id_name").fill("the other program")
    page.locator("#id_url").fill(receiver.url)
    page.get_by_role("button", name="Save and continue editing").click()
    receiver.secret = page.locator(".field-secret .readonly").inner_text().strip()


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("version", "django"), [("3.11", "==5.2.*"), ("3.13", ">=6")], ids=["oldest", "newest"]
)
def test_a_project_installs_the_wheel(
    version: str,
    django: str,
    wheel: Path,
    tmp_path: Path,
    _aws: LocalAws,
    chromium: Browser,
    record_property: Callable[[str, object], None],
) -> None:
    site = install(version, django, wheel, tmp_path)
    record_property(FIGURE, f"wheel on Python {version}, Django{django}")
    set_up(site)
    with (
        running(site),
        receiving(Receiver("")) as receiver,
        chromium.new_context(base_url=site.origin) as context,
    ):
        problems = watch(context)
        page = context.new_page()
        sign_in(page)
        add_endpoint(page, receiver)
        page.goto("/files/")
        send_a_file(page)
        check_admin(page)
        check_form(page)
        check_admin_form(page)
        check_other_pages(page)
        names = {"offer.txt", "letter.txt", "better.txt"}
        wait_for(lambda: {body["data"]["file_name"] for _, body in receiver.received} == names)
        assert receiver.refused == 0
        assert problems == []
