"""Check the invariants of tests/chaos/invariants.py when a chaos run has come to rest."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from tests.chaos import invariants, webhooks
from tests.chaos.event_mangler import EventMangler
from tests.chaos.expectations import Expectations
from tests.chaos.http_client import Response, request
from tests.chaos.installation import ABORT_UNFINISHED, BUCKET, EVENTS, TABLE, TASKS, Installation
from tests.chaos.processes import NAMES
from tests.chaos.report import Report


class FinalCheck:
    """Compares expectations, bucket, records, counters, lists, queues and logs."""

    def __init__(
        self,
        installation: Installation,
        expectations: Expectations,
        mangler: EventMangler,
        report: Report,
    ) -> None:
        self._installation, self._expectations = installation, expectations
        self._mangler, self._report = mangler, report
        self._problems = report.problems

    def run(self) -> None:
        expectations, installation = self._expectations, self._installation
        table = invariants.read_items(installation.dynamodb, TABLE)
        objects = invariants.read_objects(installation.s3, BUCKET)
        self._problems += expectations.problems
        self._problems += invariants.check_files(expectations, objects, table)
        self._problems += invariants.check_events(
            expectations, self._mangler.reported.values(), table
        )
        self._problems += invariants.check_counters(table)
        self._problems += webhooks.check_webhooks(expectations, installation.webhooks(), table)
        for state in invariants.KEPT:
            listed = {
                owner: self._list(token, state) for owner, token in installation.api_tokens.items()
            }
            self._problems += invariants.check_lists(expectations, listed, table, state)
        walked = {owner: self._walk(token) for owner, token in installation.api_tokens.items()}
        self._problems += invariants.check_folders(walked, table)
        self._check_unfinished()
        self._check_dead_letters()
        installation.manage("recount", "--check")
        self._check_processes()
        self._fill_report(len(objects))

    def _fill_report(self, stored: int) -> None:
        report, proxy = self._report, self._installation.proxy
        report.infected = sum(
            upload.is_infected and upload.sent == "yes"
            for upload in self._expectations.uploads.values()
        )
        report.stored = stored - report.infected
        report.webhooks = len(self._installation.webhooks())
        report.begun = len(self._expectations.uploads)
        report.uploads = self._expectations.counts
        report.kills = self._installation.processes.kills
        report.faults, report.requests = proxy.faults, proxy.seen.total()
        report.events = self._mangler.counts

    def _check_processes(self) -> None:
        """No process ended by itself or logged an exception that no fault explains."""
        processes = self._installation.processes
        for name, status in processes.stop().items():
            if status not in {0, -15}:
                self._problems.append(f"{name} did not stop by itself: {status}")
        worker_log = processes.log("worker").read_text(errors="replace")
        explained = worker_log.count(f"Error: {invariants.KILLED_AT_START}")
        for name, status in processes.exited:
            if name == "worker" and explained:
                explained -= 1
                continue
            self._problems.append(
                f"{name} ended by itself with {status}: see {processes.log(name)}"
            )
        for name in (*NAMES, "operator"):
            self._problems += invariants.check_log(processes.log(name))

    def _list(self, token: str, state: str) -> list[dict[str, Any]]:
        """All pages of an owner's list of files of one state."""
        files: list[dict[str, Any]] = []
        url = f"{self._installation.site}/files?limit=37&state={state}"
        while url:
            response = self._request("GET", url, token)
            if response.status != 200:
                self._problems.append(f"GET {url}: {response.status} {response.body!r}")
                break
            files += response.json()
            link = re.match(r'<([^>]*)>; rel="next"', response.link)
            url = link[1] if link else ""
        return files

    def _walk(self, token: str) -> dict[str, str]:
        """The files in all folders of an owner: id -> folder. A file that is found twice fails."""
        found: dict[str, str] = {}
        pending = [""]
        while pending:
            folder, cursor = pending.pop(), ""
            while cursor is not None:
                query = urlencode({"folder": folder, "limit": 37, "cursor": cursor})
                url = f"{self._installation.site}/folders?{query}"
                response = self._request("GET", url, token)
                if response.status != 200:
                    self._problems.append(f"GET {url}: {response.status} {response.body!r}")
                    break
                page = response.json()
                pending += [inner["folder"] for inner in page["folders"]]
                twice = found.keys() & {file["id"] for file in page["files"]}
                self._problems += [f"{upload_id} is listed twice" for upload_id in twice]
                found |= {file["id"]: folder for file in page["files"]}
                cursor = page["next_cursor"]
        return found

    def _request(self, method: str, url: str, token: str) -> Response:
        return request(method, url, {"Authorization": f"Bearer {token}"})

    def _check_unfinished(self) -> None:
        installation, uploads = self._installation, self._expectations.uploads.values()
        s3_upload_ids = {
            upload.id: invariants.s3_upload_id_of(upload.token)
            for upload in uploads
            if upload.token
        }
        self._problems += invariants.check_unfinished(
            self._expectations,
            invariants.list_unfinished(installation.s3, BUCKET),
            installation.proxy.multipart_creations,
            s3_upload_ids,
        )
        # Each uploader aborts what it left, and the storage report's code aborts what is unknown.
        for upload in uploads:
            if upload.is_unfinished == "yes":
                url = f"{installation.site}/uploads/{upload.id}?token={upload.token}"
                response = self._request("DELETE", url, installation.api_tokens[upload.owner])
                if response.status != 204:
                    self._problems.append(f"aborting {upload}: {response.status} {response.body!r}")
        installation.run_script(ABORT_UNFINISHED)
        if remaining := invariants.list_unfinished(installation.s3, BUCKET):
            self._problems.append(f"still unfinished after they were aborted: {remaining}")

    def _check_dead_letters(self) -> None:
        """The dead letters are the malformed messages, all of them and nothing else."""
        installation = self._installation
        if remaining := installation.depth(f"{TASKS}-dlq"):
            self._problems.append(f"{remaining} tasks are dead letters even after the replay")
        expected, bodies = self._mangler.malformed, []
        url = installation.queue_urls[f"{EVENTS}-dlq"]
        while messages := installation.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600
        ).get("Messages"):
            bodies += [message["Body"] for message in messages]
        self._report.dead["events"] = len(bodies)
        for body in set(bodies) - expected:
            self._problems.append(f"dead letter without a reason: {body[:500]}")
        for body in expected - set(bodies):
            self._problems.append(f"malformed, but no dead letter: {body[:500]}")
