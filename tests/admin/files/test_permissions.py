"""Each page and action needs its permission."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User

from tests.admin.files.helpers import LIST, act
from tests.support.files import store
from tests.support.users import signed_in, staff
from uploads.aws import s3
from uploads.files import queries, trash
from uploads.files.batches import Actor

pytestmark = pytest.mark.usefixtures("aws")


def test_restoring_needs_the_permission_to_delete(alice: User) -> None:
    upload_id = store("7")
    trash.move_to_trash([upload_id], Actor("7", "7"))
    client = staff(alice, "view_file", "change_file")
    act(client, "restore_files", upload_id, confirmed="yes")
    page = client.get(f"{LIST}{upload_id}/change/").content.decode()
    assert "restore_files" not in page
    assert queries.own_file(upload_id, "7").state == "trashed"  # type: ignore[union-attr]
    client = staff(alice, "view_file", "delete_file")
    page = client.get(f"{LIST}{upload_id}/change/").content.decode()
    assert "restore_files" in page
    act(client, "restore_files", upload_id, confirmed="yes")
    assert queries.any_stored_file(upload_id).owner == "7"


@pytest.mark.parametrize(
    ("action", "needed"),
    [
        ("trash_files", "delete_file"),
        ("delete_files", "delete_file"),
        ("check_again", "change_file"),
        ("change_owner", "change_file"),
    ],
)
def test_an_action_needs_its_permission(alice: User, bob: User, action: str, needed: str) -> None:
    upload_id = store(str(bob.pk))
    others = {"view_file", "change_file", "delete_file"} - {needed}
    client = staff(alice, *others)
    act(client, action, upload_id, confirmed="yes", answer="alice")
    assert s3.head(upload_id) is not None
    assert queries.any_stored_file(upload_id).owner == str(bob.pk)
    assert not LogEntry.objects.exists()
    client = staff(alice, "view_file", needed)
    act(client, action, upload_id, confirmed="yes", answer="alice")
    assert LogEntry.objects.count() == 1


@pytest.mark.parametrize(
    "path", ["", "{id}/change/", "{id}/download/", "{id}/delete/", "{id}/history/"]
)
def test_staff_without_view_sees_no_page_of_a_file(alice: User, path: str) -> None:
    client = staff(alice, "view_apitoken")
    assert client.get(LIST + path.format(id=store("7"))).status_code == 403


def test_only_permitted_buttons_are_shown(alice: User) -> None:
    upload_id = store("7")
    page = staff(alice, "view_file").get(f"{LIST}{upload_id}/change/").content.decode()
    assert "check_again" not in page
    assert "delete" not in page[page.index("file-timeline") :]
    page = staff(alice, "view_file", "delete_file").get(f"{LIST}{upload_id}/change/")
    assert f"{LIST}{upload_id}/delete/" in page.content.decode()


def test_an_action_needs_the_forms_token(root: User) -> None:
    upload_id = store("7")
    client = signed_in(root, checks_csrf=True)
    page = client.post(
        LIST, {"action": "delete_files", "_selected_action": upload_id, "confirmed": "yes"}
    )
    assert page.status_code == 403
    assert s3.head(upload_id) is not None
