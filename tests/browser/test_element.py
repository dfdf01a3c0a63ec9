"""The field of a form for stored files, `<filehub-upload>`, in a plain Django form.

The form's page is the test's own, at an address of the installation. Everything else is real: the
API, the static files, S3, and the worker.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.html import format_html, format_html_join
from playwright.sync_api import BrowserContext, FilePayload, Locator, Page, Route, expect

from tests.browser.conftest import MIB, sign_in
from tests.browser.test_page import DROP, unique
from tests.support.accessibility import check_accessibility
from tests.support.installation import Installation
from tests.support.proxy import parts
from tests.support.sample_files import png
from tests.support.waiting import wait_for

ADDRESS = "/a-form-of-a-test/"

PAGE = """<!doctype html>
<html lang="{language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Application</title>
<link rel="stylesheet" href="/static/uploads/element/filehub-upload.css">
<script src="/jsi18n/" defer></script>
<script type="module" src="/static/uploads/element/filehub-upload.js"></script>
<main>
<h1>Application</h1>
<form method="post" {attributes}>
{form}
<p><button>Send</button> <button type="reset">Reset</button></p>
</form>
</main>"""

#: What the admin site renders for an inline without forms, as far as its scripts need it.
INLINE = """<script src="/static/admin/js/vendor/jquery/jquery.js" defer></script>
<script src="/static/admin/js/jquery.init.js" defer></script>
<script src="/static/admin/js/inlines.js" defer></script>
<div class="js-inline-admin-formset" id="papers-group" data-inline-type="stacked"
    data-inline-formset='{"name": "#papers", "options":
        {"prefix": "papers", "addText": "Add another", "deleteText": "Remove form"}}'>
<input type="hidden" name="papers-TOTAL_FORMS" value="0" id="id_papers-TOTAL_FORMS">
<input type="hidden" name="papers-MIN_NUM_FORMS" value="0" id="id_papers-MIN_NUM_FORMS">
<input type="hidden" name="papers-MAX_NUM_FORMS" value="9" id="id_papers-MAX_NUM_FORMS">
<div class="inline-related empty-form" id="papers-empty">
<h3><span class="inline_label">#1</span></h3>
<label for="id_papers-__prefix__-file">File</label>
<filehub-upload name="papers-__prefix__-file" id="id_papers-__prefix__-file">
<span role="list"></span></filehub-upload>
</div></div>"""

#: Prints the token of a form field for the user of these tests.
PRINT_TOKEN = """
from django.contrib.auth.models import User
from uploads.forms import StoredFileField
print(StoredFileField(key="paper").options.token_for(User.objects.get(username="demo")))
"""

#: What a site with strict rules sends. Browsers send files to the bucket.
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' {bucket}"


class StoredFile(forms.Widget):
    """What a server renders for the element: docs/integrating.md."""

    def __init__(self, name_of: Callable[[str], str], **attributes: str | bool) -> None:
        super().__init__({name.replace("_", "-"): text for name, text in attributes.items()})
        self._name_of = name_of

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        ids: list[str] = data.getlist(name)
        return ids

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> Any:
        items = format_html_join(
            "",
            '<span role="listitem" data-id="{0}"><input type="hidden" name="{1}" value="{0}">'
            '<a href="/files/{0}/download?redirect=1">{2}</a></span>',
            ((file_id, name, self._name_of(file_id)) for file_id in value or []),
        )
        attributes = forms.utils.flatatt(self.build_attrs(self.attrs, attrs))
        return format_html(
            '<filehub-upload name="{}" data-api="/" {}><span role="list">{}</span>'
            "<noscript>Uploading needs JavaScript.</noscript></filehub-upload>",
            name, attributes, items,
        )  # fmt: skip


@dataclass
class FormPage:
    """A form in the browser, and what it has sent."""

    page: Page
    installation: Installation
    language: str = "en"
    attributes: str = ""
    #: The document, with places for `language`, `attributes` and `form`.
    document: str = PAGE
    posted: list[QueryDict] = field(default_factory=list)

    def name_of(self, file_id: str) -> str:
        name: str = self.installation.api(f"/files/{file_id}")["file_name"]
        return name

    def stored_file(self, help_text: str = "", **attributes: str | bool) -> forms.Field:
        """A field; its attributes are those of the element."""
        required = bool(attributes.pop("required", False))
        widget = StoredFile(self.name_of, **attributes)
        return forms.Field(widget=widget, required=required, help_text=help_text)

    def open(self, **fields: forms.Field) -> None:
        def clean_title(form: forms.Form) -> str:
            title: str = form.cleaned_data["title"]
            if title == "bad":
                raise ValidationError("Choose a better title.")
            return title

        members = {"title": forms.CharField(initial="good"), **fields, "clean_title": clean_title}
        self._form: type[forms.Form] = type("Form", (forms.Form,), members)
        # Chromium takes a page that a test serves for one of the public network.
        self.page.context.grant_permissions(["local-network-access"], origin=self.installation.url)
        self.page.route(f"**{ADDRESS}", self._serve)
        self.page.goto(ADDRESS)

    def send(self) -> QueryDict:
        """Send the form; return what arrived."""
        with self.page.expect_response(lambda response: response.request.method == "POST"):
            self.page.get_by_role("button", name="Send").click()
        return self.posted[-1]

    def element(self, name: str) -> Locator:
        return self.page.locator(f"filehub-upload[name={name}]")

    def choose(self, name: str, *files: tuple[str, str, bytes]) -> None:
        """Choose files: name, type and content of each."""
        payload = [FilePayload(name=n, mimeType=kind, buffer=body) for n, kind, body in files]
        self.element(name).locator("input[type=file]").set_input_files(payload)

    def values(self, name: str) -> list[str]:
        script = "(form, name) => new FormData(form).getAll(name)"
        found: list[str] = self.page.locator("form").evaluate(script, name)
        return found

    def row(self, name: str) -> Locator:
        return self.page.locator(".filehub-row").filter(has_text=name)

    def _serve(self, route: Route) -> None:
        form = self._form()
        content = ""
        if route.request.method == "POST":
            self.posted.append(QueryDict(route.request.post_data or ""))
            form = self._form(self.posted[-1])
            content = "<h1>Thank you</h1>" if form.is_valid() else ""
        content = content or self.document.format(
            language=self.language, attributes=self.attributes, form=form.as_div()
        )
        policy = POLICY.format(bucket=self.installation.s3.url)
        headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": policy}
        route.fulfill(body=content, headers=headers)


@pytest.fixture
def form(tab: Page, installation: Installation) -> FormPage:
    return FormPage(tab, installation)


def text_file(name: str, body: bytes = b"hello") -> tuple[str, str, bytes]:
    return unique(name), "text/plain", body


@pytest.mark.exhaustive
def test_a_required_file_is_stored_and_replaced_before_the_form_sends_its_id(
    form: FormPage,
) -> None:
    form.open(cv=form.stored_file("Your latest one.", required=True, data_types="text/*"))
    choose = form.page.get_by_role("button", name="Choose a file Cv")
    form.page.get_by_role("button", name="Send").click()
    expect(choose).to_be_focused()
    assert form.posted == []

    (first, second) = text_file("first.txt"), text_file("second.txt", b"better")
    form.choose("cv", first)
    expect(form.row(first[0]).get_by_role("link")).to_be_visible()
    expect(form.element("cv").get_by_role("status")).to_contain_text(f"{first[0]} stored.")
    (old,) = form.values("cv")
    form.installation.s3.hold(parts)
    form.choose("cv", second)
    expect(form.row(second[0]).get_by_role("progressbar")).to_be_visible()
    assert form.values("cv") == [old]
    check_accessibility(form.page)
    form.installation.s3.release()
    expect(form.row(second[0]).get_by_role("link")).to_be_visible()
    expect(form.row(first[0])).to_have_count(0)
    (new,) = form.send().getlist("cv")
    assert form.installation.download(new) == b"better"
    assert new != old


def test_a_form_waits_for_uploads_and_keeps_files_when_another_field_is_invalid(
    form: FormPage,
) -> None:
    # As the forms of the admin site, whose fields the browser does not check.
    form.attributes = "novalidate"
    form.open(
        letter=form.stored_file(data_types="text/*"),
        pictures=form.stored_file(data_types="image/*", multiple=True),
    )
    form.page.get_by_label("Title").fill("bad")
    letter, first, second = text_file("letter.txt"), unique("1.png"), unique("2.png")
    form.installation.s3.hold(parts)
    form.choose("letter", letter)
    form.choose("pictures", (first, "image/png", png()), (second, "image/png", png()))
    form.page.get_by_role("button", name="Send").click()
    expect(form.page.get_by_role("alert")).to_have_text(
        f"{letter[0]} is still being uploaded. Wait until it is stored, or cancel it."
    )
    assert form.posted == []
    form.installation.s3.release()
    expect(form.page.locator(".filehub-row").get_by_role("link")).to_have_count(3)
    sent = form.send()
    expect(form.page.get_by_text("Choose a better title.")).to_be_visible()
    for name in (letter[0], first, second):
        expect(form.row(name).get_by_role("link")).to_be_visible()
    form.page.get_by_label("Title").fill("good")
    again = form.send()
    assert len(sent.getlist("letter")) == 1
    assert [form.name_of(each) for each in sent.getlist("pictures")] == [first, second]
    assert (again.getlist("letter"), again.getlist("pictures")) == (
        sent.getlist("letter"), sent.getlist("pictures"),
    )  # fmt: skip


@pytest.mark.exhaustive
def test_files_are_dropped_removed_and_reset_in_the_order_of_choosing(form: FormPage) -> None:
    form.open(papers=form.stored_file(multiple=True))
    names = [unique(name) for name in ("one.txt", "two.txt", "three.txt")]
    form.page.evaluate(DROP, ["filehub-upload", [(name, name) for name in names]])
    expect(form.page.locator(".filehub-row").get_by_role("link")).to_have_text(names)
    form.page.get_by_role("button", name=f"Remove {names[1]}").press("Enter")
    expect(form.page.get_by_role("button", name="Add files")).to_be_focused()
    form.page.get_by_label("Title").fill("bad")
    sent = form.send().getlist("papers")
    assert [form.name_of(each) for each in sent] == [names[0], names[2]]
    form.page.get_by_role("button", name=f"Remove {names[0]}").click()
    form.choose("papers", text_file("four.txt"))
    expect(form.page.locator(".filehub-row").get_by_role("link")).to_have_count(2)
    form.page.get_by_role("button", name="Reset").click()
    assert form.values("papers") == sent


@pytest.mark.exhaustive
def test_a_rejected_file_says_why_and_has_no_value(form: FormPage) -> None:
    form.open(picture=form.stored_file(data_types="image/*"))
    name = unique("page.png")
    form.choose("picture", (name, "image/png", b"<!doctype html><script>1</script>"))
    expect(form.page.locator(".filehub-row[data-state=rejected]")).to_contain_text(
        "Choose another file, or contact your administrator."
    )
    assert form.values("picture") == []
    form.page.get_by_role("button", name="Send").click()
    assert form.posted == []
    check_accessibility(form.page, every_variant=True)
    form.page.get_by_role("button", name=f"Remove {name}").click()
    assert form.send().getlist("picture") == []


@pytest.mark.exhaustive
def test_an_upload_that_failed_is_retried(form: FormPage) -> None:
    form.open(paper=form.stored_file())
    fault = form.installation.web.fail_every(1, 403, lambda r: r.path == "/uploads")
    name, *_ = paper = text_file("retry.txt")
    form.choose("paper", paper)
    expect(form.page.locator(".filehub-row[data-state=failed]")).to_be_visible()
    assert fault.struck == 1
    form.installation.web.reset()
    form.page.get_by_role("button", name=f"Retry the upload of {name}").click()
    expect(form.row(name).get_by_role("link")).to_be_visible()
    assert len(form.values("paper")) == 1


@pytest.mark.exhaustive
def test_after_a_reload_the_same_file_resumes_and_a_stored_one_is_uploaded_again(
    context: BrowserContext, form: FormPage, tmp_path: Path
) -> None:
    path = tmp_path / unique("large.bin")
    path.write_bytes(bytes(24 * MIB))
    token = form.installation.manage("shell", "--no-imports", "-c", PRINT_TOKEN).strip()
    form.open(paper=form.stored_file(data_field=token))
    choose = form.element("paper").locator("input[type=file]")
    done = lambda: [r for r in form.installation.s3.requests(parts) if r.status == 200]  # noqa: E731
    form.installation.s3.hold(lambda r: parts(r) and bool(done()))
    choose.set_input_files(path)
    wait_for(done)
    form.page.on("dialog", lambda dialog: dialog.accept())
    form.page.reload()
    before = sum(request.size for request in done())
    form.installation.reset()
    choose.set_input_files(path)
    link = form.row(path.name).get_by_role("link")
    expect(link).to_be_visible()
    assert form.installation.s3.sent() <= 24 * MIB - before
    (first,) = form.values("paper")
    choose.set_input_files(path)
    expect(link).not_to_have_attribute("href", re.compile(first))
    assert form.installation.download(form.values("paper")[0]) == path.read_bytes()


@pytest.mark.exhaustive
def test_an_upload_continues_when_the_user_has_signed_in_in_another_tab(
    form: FormPage, context: BrowserContext
) -> None:
    form.open(paper=form.stored_file())
    context.clear_cookies()
    name, *_ = paper = text_file("session.txt")
    form.choose("paper", paper)
    expect(form.row(name)).to_contain_text("Sign in again in another tab")
    sign_in(context)
    form.page.evaluate("dispatchEvent(new Event('focus'))")
    expect(form.row(name).get_by_role("link")).to_be_visible()


@pytest.mark.exhaustive
def test_the_element_speaks_german(form: FormPage) -> None:
    form.language = "de"
    form.page.set_extra_http_headers({"Accept-Language": "de"})
    form.open(paper=form.stored_file(data_max_size="1000", data_types="image/*,application/pdf"))
    expect(form.element("paper")).to_contain_text("Datei auswählen")
    expect(form.element("paper")).to_contain_text("Erlaubt: Bilder und PDF. Bis zu 1\xa0kB.")
    form.choose("paper", (unique("big.png"), "image/png", bytes(2000)))
    expect(form.page.locator(".filehub-row[data-state=failed]")).to_contain_text("Wählen Sie")
    check_accessibility(form.page)


@pytest.mark.exhaustive
def test_the_scripts_of_the_admin_site_add_and_remove_forms_with_the_element(
    form: FormPage,
) -> None:
    inline = INLINE.replace("{", "{{").replace("}", "}}")
    form.document = PAGE.replace("{form}", "{form}" + inline)
    form.open()
    add = form.page.get_by_role("button", name="Add another")
    for number in range(2):
        add.click()
        form.choose(f"papers-{number}-file", text_file(f"{number}.txt"))
    expect(form.page.locator(".filehub-row").get_by_role("link")).to_have_count(2)
    (second,) = form.values("papers-1-file")
    form.page.get_by_role("button", name="Remove form").first.click()
    # The second one is now the first.
    expect(form.element("papers-0-file").get_by_role("link")).to_have_count(1)
    sent = form.send()
    assert sent.getlist("papers-0-file") == [second]
    assert "papers-__prefix__-file" not in sent
    assert sent["papers-TOTAL_FORMS"] == "1"
