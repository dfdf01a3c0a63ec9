"""Everything that the web does with AWS, as steps that fail if something does not work."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from tests.project.policies.site import Reply, Site, values_of
from tests.support.http import send, sha256
from tests.thumbnails.helpers import PNG
from uploads.core import keys
from uploads.core.limits import MIB

#: Bytes; the processes and tests that use these steps set both to this.
THRESHOLD = 5 * MIB
LARGE = b"a" * THRESHOLD + b"b" * 1000

FILES = "/admin/uploads/file/"
REPORT = "/admin/uploads/storagereport/"


def expect(reply: Reply, status: int = 200) -> Any:
    assert reply.status == status, (reply.status, reply.text[:500])
    return reply.json() if reply.text[:1] in {"{", "["} else reply.text


class WebSteps:
    """The steps. `settle` waits until a file is in a state, or brings that about.

    Besides those of uploads: `thumbnail`, when it has one, and `missing`, when its object is gone.
    """

    def __init__(
        self,
        site: Site,
        settle: Callable[[str, str], None],
        send_dead_letter: Callable[[str], object],
    ) -> None:
        self.site = site
        self._settle = settle
        self._send_dead_letter = send_dead_letter

    def all(self) -> dict[str, Callable[[], None]]:
        return {
            "upload in one request": self.upload_in_one_request,
            "upload in parts": self.upload_in_parts,
            "abort an upload in parts": self.abort_upload_in_parts,
            "Uppy": self.uppy,
            "Uppy 6": self.uppy_6,
            "lists and searches": self.lists,
            "folders": self.folders,
            "delete": self.delete,
            "trash": self.trash,
            "actions on files": self.file_actions,
            "thumbnails": self.thumbnails,
            "queues": self.queues,
            "dashboard, report and users": self.reports,
            "abort unfinished uploads": self.abort_unfinished,
            "metrics": self.metrics,
        }

    def store(self, name: str = "a.txt", body: bytes = b"hello", type_: str = "text/plain") -> str:
        begun = expect(
            self.site.api(
                "POST", "/uploads",
                {"file_name": name, "content_type": type_, "size": len(body),
                 "sha256": sha256(body)},
            ),
            201,
        )  # fmt: skip
        sent = send(begun["method"], begun["url"], body, begun["headers"])
        assert sent.status == 200, sent.body
        # A hint, which also queues a task.
        expect(self.site.api("POST", f"/uploads/{begun['id']}/complete", {}), 202)
        self._settle(begun["id"], "stored")
        return str(begun["id"])

    def upload_in_one_request(self) -> None:
        upload_id = self.store()
        assert expect(self.site.api("GET", f"/uploads/{upload_id}"))["state"] == "stored"
        assert expect(self.site.api("GET", f"/files/{upload_id}"))["file_name"] == "a.txt"
        download = expect(self.site.api("GET", f"/files/{upload_id}/download"))
        assert send("GET", download["url"]).body == b"hello"

    def _begin_parts(self) -> Any:
        fields = {"file_name": "large.bin", "size": len(LARGE)}
        return expect(self.site.api("POST", "/uploads", fields), 201)

    def upload_in_parts(self) -> None:
        begun = self._begin_parts()
        path, size = f"/uploads/{begun['id']}", begun["multipart"]["part_size"]
        numbers = [{"part_number": number} for number in (1, 2)]
        signed = expect(
            self.site.api("POST", f"{path}/parts", {"token": begun["token"], "parts": numbers})
        )
        for part in signed["parts"]:
            start = (part["part_number"] - 1) * size
            sent = send("PUT", part["url"], LARGE[start : start + size], part["headers"])
            assert sent.status == 200, sent.body
        listed = expect(self.site.api("GET", f"{path}/parts?token={begun['token']}"))
        assert len(listed) == 2
        expect(self.site.api("POST", f"{path}/complete", {"token": begun["token"]}), 202)
        self._settle(begun["id"], "stored")

    def abort_upload_in_parts(self) -> None:
        begun = self._begin_parts()
        path = f"/uploads/{begun['id']}?token={quote(begun['token'])}"
        expect(self.site.api("DELETE", path), 204)

    def uppy(self) -> None:
        expect(self.site.api("GET", "/s3/params?filename=a.txt&type=text%2Fplain"))
        path, query = self._begin_uppy()
        parts = []
        for number, body in enumerate((LARGE[:THRESHOLD], LARGE[THRESHOLD:]), 1):
            signed = expect(self.site.api("GET", f"{path}/{number}{query}"))
            sent = send("PUT", signed["url"], body)
            assert sent.status == 200, sent.body
            parts.append({"PartNumber": number, "ETag": sent.headers["ETag"]})
        assert len(expect(self.site.api("GET", path + query))) == 2
        expect(self.site.api("POST", f"{path}/complete{query}", {"parts": parts}))
        upload_id = keys.upload_id_of(query.removeprefix("?key=").replace("%2F", "/"))
        assert upload_id
        self._settle(upload_id, "stored")
        path, query = self._begin_uppy()
        expect(self.site.api("DELETE", path + query))

    def uppy_6(self) -> None:
        """What Uppy has signed. Its forms need the same permission as a PUT."""
        signed = self._sign({"method": "PUT", "key": "a.txt", "contentType": "text/plain"})
        assert send("PUT", signed["url"], b"hello", signed["headers"]).status == 200
        created = expect(self._send_signed({"method": "POST", "key": "b.txt"}))
        upload_id = created.partition("<UploadId>")[2].partition("</UploadId>")[0]
        existing = {"key": "b.txt", "uploadId": upload_id}
        expect(self._send_signed({**existing, "method": "GET"}))
        expect(self._send_signed({**existing, "method": "DELETE"}), 204)

    def _sign(self, request: dict[str, str]) -> Any:
        return expect(self.site.api("POST", "/s3/sign", request))

    def _send_signed(self, request: dict[str, str]) -> Reply:
        _, _, path = self._sign(request)["url"].partition("/s3/")
        return self.site.api(request["method"], f"/s3/{path}")

    def _begin_uppy(self) -> tuple[str, str]:
        fields = {"filename": "b.txt", "type": "text/plain", "metadata": {}}
        begun = expect(self.site.api("POST", "/s3/multipart", fields))
        path = f"/s3/multipart/{quote(begun['uploadId'], safe='')}"
        return path, f"?key={quote(begun['key'], safe='')}"

    def lists(self) -> None:
        name = f"{uuid.uuid4().hex}.txt"
        upload_id = self.store(name)
        for path in ("/files", f"/files?q={name[:8]}", "/files?limit=1"):
            assert expect(self.site.api("GET", path))[0]["id"] == upload_id
        for query in ("", f"?q={name}", f"?q={name[:8]}", f"?q={upload_id}", "?state=stored"):
            assert upload_id in expect(self.site.admin(FILES + query))
        for query in ("?state=rejected", "?state=deleted", "?kind=text"):
            expect(self.site.admin(FILES + query))

    def folders(self) -> None:
        folder, upload_id = f"folder {uuid.uuid4().hex}", self.store()
        expect(self.site.api("POST", "/folders", {"folder": f"{folder}/empty"}), 201)
        expect(self.site.api("DELETE", f"/folders?folder={quote(folder)}/empty"), 204)
        expect(self.site.api("PATCH", f"/files/{upload_id}", {"file_name": "b.txt"}))
        expect(self.site.api("POST", "/files/move", {"ids": [upload_id], "folder": folder}))
        expect(self.site.api("PATCH", "/folders", {"folder": folder, "to": f"{folder} 2"}))
        for sort in ("-date", "name"):
            shown = self.site.api("GET", f"/folders?folder={quote(folder)}%202&sort={sort}")
            assert expect(shown)["files"][0]["file_name"] == "b.txt"
        expect(self.site.api("GET", "/files/version"))

    def delete(self) -> None:
        upload_id = self.store()
        expect(self.site.api("DELETE", f"/files/{upload_id}"))
        self._settle(upload_id, "deleted")

    def trash(self) -> None:
        first, second = self.store("a.txt"), self.store("b.txt")
        ids = {"ids": [first, second]}
        for change, state in (("trash", "trashed"), ("restore", "stored"), ("trash", "trashed")):
            results = expect(self.site.api("POST", f"/files/{change}", ids))["results"]
            assert results == [{"id": first, "state": state}, {"id": second, "state": state}]
        assert expect(self.site.api("GET", "/files?state=trashed"))[0]["id"] == second
        expect(self.site.api("GET", "/files?state=rejected"))
        assert second in expect(self.site.admin(f"{FILES}?state=trashed"))
        results = expect(self.site.api("POST", "/files/delete", {"ids": [first]}))["results"]
        assert results == [{"id": first, "state": "deleting"}]
        self._settle(first, "deleted")
        emptied = expect(self.site.api("POST", "/files/trash/empty"))
        assert emptied == {"deleted": 1, "failed": 0, "more": False}
        self._settle(second, "deleted")

    def file_actions(self) -> None:
        first, second = self.store("a.txt"), self.store("b.txt")
        page = expect(self.site.admin(f"{FILES}{first}/change/"))
        assert "a.txt" in page
        self._act("check_again", [first, second], "2 files were checked. 0 records were changed.")
        self._act("change_owner", [first], "1 file now belongs to", answer="other")
        listed = self._post("download_manifest", [first, second])
        assert first in listed
        self._act("trash_files", [first, second], "2 files are now in the trash")
        self._act("restore_files", [first, second], "2 files were restored")
        self._act("delete_files", [first, second], "2 files are being deleted")
        self._settle(second, "deleted")

    def thumbnails(self) -> None:
        upload_id = self.store("a.png", PNG, "image/png")
        # This queues a missing thumbnail.
        self._act("check_again", [upload_id], "1 file was checked.")
        self._settle(upload_id, "thumbnail")
        url = expect(self.site.api("GET", f"/files/{upload_id}"))["thumbnail_url"]
        assert send("GET", url).status == 200
        self._settle(upload_id, "missing")
        # This deletes the thumbnail of a file that is gone.
        self._act("check_again", [upload_id], "1 file was checked.")
        assert send("GET", url).status in {403, 404}

    def _post(self, action: str, ids: list[str], **more: str) -> str:
        form = {"action": action, "_selected_action": ids, **more}
        return str(expect(self.site.admin(FILES, form)))

    def _act(self, action: str, ids: list[str], message: str, **answer: str) -> None:
        self._post(action, ids, **answer)
        assert message in self._post(action, ids, confirmed="yes", **answer)

    def queues(self) -> None:
        overview = "/admin/uploads/queue/"
        for kind in ("events", "tasks"):
            for action, message in (("replay_all", "replayed"), ("discard_all", "discarded")):
                self._send_dead_letter(kind)
                assert "Queues" in expect(self.site.admin(overview))
                page = self.site.admin(f"{overview}{kind}/")
                assert len(values_of(page, "ids")) == 1, page.text[:2000]
                done = self.site.admin(f"{overview}{kind}/", {"action": action, "confirmed": "yes"})
                assert f"1 dead letter was {message}" in expect(done), message

    def reports(self) -> None:
        for path in ("/admin/", REPORT, "/admin/auth/user/"):
            assert "<title>" in expect(self.site.admin(path)), path

    def abort_unfinished(self) -> None:
        begun = self._begin_parts()
        page = self.site.admin(REPORT)
        (value,) = [value for value in values_of(page, "upload") if begun["id"] in value]
        form = {"upload": value, "confirmed": "yes"}
        expect(self.site.admin(f"{REPORT}abort/", {"upload": value}))
        assert "1 unfinished upload was aborted" in expect(self.site.admin(f"{REPORT}abort/", form))

    def metrics(self) -> None:
        assert "filehub_dead_letters" in expect(self.site.admin("/metrics"))
        assert expect(self.site.api("GET", "/readyz"))["ready"] is True
