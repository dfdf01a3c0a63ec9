"""What becomes of each reference to a file that a form may get."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import AnonymousUser, User

from tests.attachments.files import MANUAL, send, stored
from tests.attachments.shop import Application, Product, ProductForm
from tests.project import documents
from tests.support.records import tamper
from tests.support.waiting import wait_for
from uploads.accounts.owners import owner_of
from uploads.attachments import checking
from uploads.attachments.attached import AttachedFile
from uploads.core import keys
from uploads.core.fields import FieldRules
from uploads.files import claims, queries, trash
from uploads.files.batches import Actor
from uploads.files.record import StoredFile
from uploads.ingest import confirm

pytestmark = pytest.mark.usefixtures("aws", "shop")


def accepted(alice: User, bob: User) -> str:
    return stored(alice)


def somebody_elses(alice: User, bob: User) -> str:
    return stored(bob)


def unknown(alice: User, bob: User) -> str:
    return keys.new_upload_id("0", "another secret")


def no_id(alice: User, bob: User) -> str:
    return "../etc/passwd"


def of_another_field(alice: User, bob: User) -> str:
    return stored(alice, "attachments.product.photo")


def of_no_field(alice: User, bob: User) -> str:
    return stored(alice, "")


def rejected(alice: User, bob: User) -> str:
    upload_id = send(alice, type_="image/png", body=b"%PDF-1.7", types=("image/*",))
    assert confirm.confirm(upload_id) == "rejected"
    return upload_id


def in_the_trash(alice: User, bob: User) -> str:
    upload_id = stored(alice)
    trash.move_to_trash([upload_id], Actor(owner_of(alice), owner_of(alice)))
    return upload_id


def deleted(alice: User, bob: User) -> str:
    upload_id = stored(alice)
    trash.delete([upload_id], Actor(owner_of(alice), owner_of(alice)))
    return upload_id


def used_before(alice: User, bob: User) -> str:
    upload_id = stored(alice)
    form = ProductForm({"name": "First", "manual": upload_id}, user=alice)
    form.save()
    return upload_id


def claimed(alice: User, bob: User) -> str:
    upload_id = stored(alice)
    assert claims.claim({upload_id: "order:1"}) == {}
    return upload_id


def about_to_expire(alice: User, bob: User) -> str:
    upload_id = stored(alice)
    soon = datetime.now(UTC) + timedelta(minutes=30)
    tamper(upload_id, StoredFile.kept_until.set(soon))
    return upload_id


def too_large(alice: User, bob: User) -> str:
    return stored(alice, body=b"hello world")


def of_a_wrong_type(alice: User, bob: User) -> str:
    return stored(alice, type_="image/png")


def never_sent(alice: User, bob: User) -> str:
    return keys.new_upload_id(owner_of(alice), django_settings.SECRET_KEY)


def without_its_event(alice: User, bob: User) -> str:
    return send(alice)


def late_for_another_field(alice: User, bob: User) -> str:
    return send(alice, "attachments.product.photo")


def being_checked(alice: User, bob: User) -> str:
    upload_id = stored(alice)
    tamper(upload_id, StoredFile.state.set("scanning"), StoredFile.malware.set("pending"))
    return upload_id


#: What is posted; the code of the error; whether it is the same with `allow_pending`.
CASES: list[tuple[Callable[[User, User], str], str | None, str | None]] = [
    (accepted, None, None),
    (somebody_elses, "not_found", "not_found"),
    (unknown, "not_found", "not_found"),
    (no_id, "not_found", "not_found"),
    (of_another_field, "other_field", "other_field"),
    (of_no_field, "other_field", "other_field"),
    (rejected, "rejected", "rejected"),
    (in_the_trash, "deleted", "deleted"),
    (deleted, "deleted", "deleted"),
    (used_before, "claimed", "claimed"),
    (claimed, "claimed", "claimed"),
    (about_to_expire, "expired", "expired"),
    (too_large, "file_too_large", "file_too_large"),
    (of_a_wrong_type, "type_not_allowed", "type_not_allowed"),
    (never_sent, "not_uploaded", "not_uploaded"),
    (without_its_event, "pending", None),
    (late_for_another_field, "other_field", "other_field"),
    (being_checked, "scanning", None),
]


def test_each_reference_ends_as_it_should(
    alice: User, bob: User, django_capture_on_commit_callbacks: Any
) -> None:
    """All of them in one test, so that none is left out of `make test`."""
    ends = {}
    for reference, code, _ in CASES:
        with django_capture_on_commit_callbacks(execute=True):
            upload_id = reference(alice, bob)
        form = ProductForm({"name": "Lamp", "manual": upload_id}, user=alice)
        codes = [error.code for error in form.errors.as_data().get("manual", [])]
        # The same for a field that accepts what may still be rejected.
        rules = FieldRules(MANUAL, ("text/*",), 10)
        accepts = checking.Field(rules, owner_of(alice), wait=0, allow_pending=True)
        checked = checking.check([upload_id], accepts)
        pending = [problem.code for problem in checked.problems]
        ends[reference.__name__] = (codes, pending)
        if code is None:
            assert form.save().manual == upload_id
    assert ends == {
        reference.__name__: ([code] if code else [], [pending] if pending else [])
        for reference, code, pending in CASES
    }


@pytest.mark.parametrize("user", [None, AnonymousUser()], ids=["none", "anonymous"])
def test_without_a_user_nothing_is_accepted(user: Any, alice: User) -> None:
    form = ProductForm({"name": "Lamp", "manual": stored(alice)}, user=user)
    assert form.errors.as_data()["manual"][0].code == "no_user"


def test_a_file_whose_event_comes_while_the_form_waits_is_accepted(alice: User) -> None:
    upload_id = send(alice)
    begun = threading.Event()

    def confirm_later() -> None:
        begun.wait(10)
        confirm.confirm(upload_id)

    thread = threading.Thread(target=confirm_later)
    thread.start()
    accepts = checking.Field(FieldRules(MANUAL), owner_of(alice), wait=20)
    begun.set()
    checked = checking.check([upload_id], accepts)
    thread.join()
    assert [(each.id, each.state) for each in checked.files] == [(upload_id, "stored")]


@pytest.mark.usefixtures("pipeline")
def test_a_late_file_is_recorded_because_the_form_asks_for_it(alice: User) -> None:
    """With a real worker; the wait is over as soon as the record is there."""
    upload_id = send(alice)
    accepts = checking.Field(FieldRules(MANUAL), owner_of(alice), wait=30)
    started_at = time.monotonic()
    checked = checking.check([upload_id], accepts)
    assert [each.state for each in checked.files] == ["stored"]
    assert time.monotonic() - started_at < 30
    wait_for(lambda: StoredFile.get(upload_id).notified_at is not None)


def test_only_a_few_forms_of_a_process_wait(alice: User) -> None:
    accepts = checking.Field(FieldRules(MANUAL), owner_of(alice), wait=600)
    upload_id = send(alice)
    taken = [checking._waiting.acquire(blocking=False) for _ in range(4)]
    try:
        assert all(taken)
        assert checking.check([upload_id], accepts).problems[0].code == "pending"
    finally:
        for _ in taken:
            checking._waiting.release()


def test_several_files_have_one_read_and_an_error_each(
    alice: User, bob: User, aws_requests: Any
) -> None:
    good = [stored(alice, f"{Application.__module__}.Application.letters") for _ in range(3)]
    bad = [stored(bob), stored(alice)]
    aws_requests.counts()
    form = Application({"name": "A", "letters": [*good, *bad]}, user=alice)
    codes = [error.code for error in form.errors.as_data()["letters"]]
    assert codes == ["not_found", "other_field"]
    assert aws_requests.counts() == {"dynamodb": 1}
    form = Application({"name": "A", "letters": [*good, good[0]]}, user=alice)
    assert form.is_valid()
    assert form.cleaned_data["letters"] == good


def test_an_outage_is_an_error_of_the_field(
    alice: User, aws_requests: Any, no_pauses: None
) -> None:
    upload_id = stored(alice)
    aws_requests.cut.add("dynamodb")
    form = ProductForm({"name": "Lamp", "manual": upload_id}, user=alice)
    assert [error.code for error in form.errors.as_data()["manual"]] == ["unavailable"]
    # What was chosen is not lost.
    assert f'value="{upload_id}"' in str(form["manual"])


def test_what_a_row_has_already_stays_valid_for_another_user(alice: User, bob: User) -> None:
    mine, other = stored(alice), stored(alice)
    product = Product.objects.create(name="Lamp", manual=mine)
    trash.move_to_trash([mine], Actor(owner_of(alice), owner_of(alice)))
    form = ProductForm({"name": "Lamps", "manual": mine}, instance=product, user=bob)
    assert form.is_valid(), form.errors
    assert form.changed_data == ["name"]
    form = ProductForm({"name": "Lamps", "manual": other}, instance=product, user=bob)
    assert form.errors.as_data()["manual"][0].code == "not_found"


def test_a_single_field_takes_one_file(alice: User) -> None:
    form = ProductForm({"name": "L", "manual": [stored(alice), stored(alice)]}, user=alice)
    assert form.errors.as_data()["manual"][0].code == "one_file"
    too_many = [keys.new_upload_id("1", "s") for _ in range(checking.MAX_FILES + 1)]
    form = Application({"name": "A", "letters": too_many}, user=alice)
    assert form.errors.as_data()["letters"][0].code == "too_many"


def test_two_rows_cannot_have_the_same_file_even_before_it_is_claimed(alice: User) -> None:
    upload_id = stored(alice)
    Product.objects.create(name="First", manual=upload_id)  # inside the test's transaction
    form = ProductForm({"name": "Second", "manual": upload_id}, user=alice)
    assert [error.code for error in form.errors.as_data()["manual"]] == ["unique"]
    assert queries.any_file(upload_id) is not None
    assert AttachedFile(upload_id) == upload_id


def test_the_document_has_every_code() -> None:
    """docs/integrating.md has the table of what a form accepts."""
    text = documents.section(documents.read("docs/integrating.md"), "What a form accepts")
    codes = {*checking.MESSAGES, "file_too_large", "type_not_allowed", "unavailable", "unique"}
    assert set(documents.code(text)) - {"wait", "allow_pending"} == codes
    assert {code for _, code, _ in CASES if code} < codes
