"""Loaded before Django's settings: the environment that the tests run in.

Local AWS is a real process on a free port; the first test that needs it starts it. Parallel tests
run in processes of their own, each with its own AWS. All tests with an installation run in one
of them, and so do those that share a consumer and a worker (below), so that these are started once.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from xdist.workermanage import NodeManager

from local.aws import CREDENTIALS, free_port


def _interrupt(*_: object) -> None:
    """Raise KeyboardInterrupt, in the processes of parallel tests only once.

    These get the signal more than once, and the second would end their clean-up: from the terminal,
    from the first process, and from execnet after five seconds.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, lambda *_: None)
    raise KeyboardInterrupt


# On SIGTERM a test run ends as with Ctrl-C, so that its servers are stopped too. SIGINT is set as
# well: a shell starts background jobs with SIGINT ignored, which the processes that tests start
# would inherit.
for signum in (signal.SIGINT, signal.SIGTERM):
    signal.signal(signum, _interrupt)
# Seconds after which parallel processes that still run are killed: longer than the 15 that execnet
# gives them.
NodeManager.EXIT_TIMEOUT = 20

AWS_PORT = free_port()
# Deleted when the process ends. The processes of parallel tests get the folder of the first one.
_STATIC = tempfile.TemporaryDirectory(prefix="filehub-static-")
STATIC_ROOT = Path(os.environ.setdefault("STATIC_ROOT_OF_TESTS", _STATIC.name))
#: For the processes that tests start. Tests themselves use an in-memory database.
DATABASE = tempfile.TemporaryDirectory(prefix="filehub-database-")
HEALTH_DIR = tempfile.TemporaryDirectory(prefix="filehub-health-")

for name in [name for name in os.environ if name.startswith(("FILEHUB_", "DJANGO_", "AWS_"))]:
    del os.environ[name]
# Each run would compile all tests again, and each process that tests start all of filehub.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ.update(CREDENTIALS)
os.environ.update(
    DJANGO_SETTINGS_MODULE="filehub.settings",
    DJANGO_SECRET_KEY="only-for-tests-" + "0123456789abcdef" * 2,
    DJANGO_STATIC_ROOT=str(STATIC_ROOT),
    DJANGO_ALLOWED_HOSTS="localhost,127.0.0.1,testserver",
    DATABASE_URL=f"sqlite:///{DATABASE.name}/db.sqlite3",
    AWS_REGION="us-east-1",
    AWS_ENDPOINT_URL=f"http://127.0.0.1:{AWS_PORT}",
    AWS_EC2_METADATA_DISABLED="true",
    FILEHUB_CORS_ORIGINS="http://testserver",
    FILEHUB_HEALTH_DIR=HEALTH_DIR.name,
    # Playwright's event loop runs in the thread of the tests. Django would refuse its database to
    # all tests after the first with a browser; none of them is asynchronous.
    DJANGO_ALLOW_ASYNC_UNSAFE="true",
)

FIGURE = "figure"
BROWSER = Path(__file__).parent / "browser"
JAVASCRIPT = BROWSER / "test_javascript.py"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--all",
        action="store_true",
        dest="everything",
        help="run every test at its full size (make test-all), not what fits in five minutes",
    )


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Iterator[None]:
    """Group tests that share processes, deselect tests that only `--all` runs, and begin with the
    longest tests after all have been shuffled.
    """
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if item.path == JAVASCRIPT:
            # They need no installation, and so not the process of those that do.
            item.add_marker(pytest.mark.xdist_group("javascript"))
        elif item.path.is_relative_to(BROWSER) or "installation" in fixtures:
            item.add_marker(pytest.mark.xdist_group("installation"))
        elif "pipeline" in fixtures:
            item.add_marker(pytest.mark.xdist_group("pipeline"))
    if not config.option.everything:
        selected = list(_without_exhaustive(items))
        chosen = set(selected)
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = selected
    yield
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def _without_exhaustive(items: list[pytest.Item]) -> Iterator[pytest.Item]:
    """Leave out exhaustive tests, and of a test against AWS most of its variants.

    Of these, every fourth is kept, beginning with the first.
    """
    variants: Counter[str] = Counter()
    for item in items:
        if item.get_closest_marker("exhaustive"):
            continue
        test = item.nodeid.partition("[")[0]
        number = variants[test]
        variants[test] += 1
        if "aws" not in getattr(item, "fixturenames", ()) or number % 4 == 0:
            yield item


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Interrupt parallel processes with the first one, so that they have time to stop servers."""
    if exitstatus == pytest.ExitCode.INTERRUPTED and session.config.pluginmanager.hasplugin(
        "dsession"
    ):
        for process in psutil.Process().children():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGINT)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the measured figures, also of passed tests and from all processes."""
    for reports in list(terminalreporter.stats.values()):
        for report in reports:
            for name, text in getattr(report, "user_properties", ()):
                if name == FIGURE and report.when == "call":
                    terminalreporter.write_line(text)
