"""A hub of models on this machine: as much of its HTTP interface as the real client uses for a small run.

Files are kept in memory, a dictionary for each branch; a commit is known by the hash of what it holds.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

TOKEN = "hf_token_of_ada"


class LocalHub:
    """What the hub holds, and what it was asked.

    Attributes:
        repos: files by branch, by repository.
        private: repositories that only the owner of the token sees.
        orgs: where the owner of the token may write.
        asked: method and path of each request.
        messages: of commits.
        blobs: large files by hash.
        agents: what has asked.
    """

    def __init__(self) -> None:
        self.repos: dict[str, dict[str, dict[str, bytes]]] = {}
        self.private: set[str] = set()
        self.orgs = {"acme", "ada"}
        self.asked: list[str] = []
        self.messages: list[str] = []
        self.blobs: dict[str, bytes] = {}
        self.agents: set[str] = set()
        self.url = ""

    def files(self, repo: str, branch: str = "main") -> dict[str, bytes]:
        return self.repos[repo][branch]

    def at(self, repo: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
        """Return commit and files of a branch or a commit."""
        for branch, files in self.repos[repo].items():
            sha = _commit(files)
            if revision in (branch, sha):
                return sha, files
        return None

    @contextmanager
    def serving(self) -> Iterator[LocalHub]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def _commit(files: dict[str, bytes]) -> str:
    told = json.dumps({name: hashlib.sha1(data).hexdigest() for name, data in sorted(files.items())})
    return hashlib.sha1(told.encode()).hexdigest()


class _Refused(Exception):
    def __init__(self, status: int, code: str = "", message: str = "", repo: str = "") -> None:
        self.status, self.code, self.message, self.repo = status, code, message, repo


class _Handler(BaseHTTPRequestHandler):
    hub: LocalHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        body = self._body()
        self.hub.asked.append(f"{self.command} {path}")
        self.hub.agents.add(self.headers.get("User-Agent", ""))
        try:
            status, headers, content = 200, {}, self._route(path, body)
            if isinstance(content, tuple):
                headers, content = content
        except _Refused as refused:
            status = refused.status
            headers = {"X-Error-Code": refused.code, "X-Error-Message": refused.message}
            content = {"error": refused.message, "url": f"{self.hub.url}/{refused.repo}"}
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    @property
    def _is_known(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _route(self, path: str, body: bytes) -> Any:
        hub = self.hub
        if path == "/api/whoami-v2":
            self._needs_login()
            return {"name": "ada", "type": "user", "orgs": [{"name": name} for name in hub.orgs]}
        if path == "/api/validate-yaml":
            return self._card(json.loads(body)["content"])
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path.endswith("/info/lfs/objects/batch"):
            return self._large(json.loads(body))
        if self.command == "PUT":
            return self._keep(path, body)
        if path.startswith("/api/models/"):
            org, name, *rest = path.removeprefix("/api/models/").split("/")
            return self._api(f"{org}/{name}", rest[0] if rest else "", "/".join(rest[1:]), body)
        if path.count("/") < 5 or path.split("/")[3] != "resolve":
            raise _Refused(404, "", f"nothing is at {path}")
        org, name, _, revision, *parts = path.removeprefix("/").split("/")
        sha, files = self._files(f"{org}/{name}", revision)
        if (data := files.get("/".join(parts))) is None:
            raise _Refused(404, "EntryNotFound", "there is no such file")
        return {"X-Repo-Commit": sha, "ETag": f'"{hashlib.sha1(data).hexdigest()}"'}, data

    def _api(self, repo: str, what: str, revision: str, body: bytes) -> Any:
        if what == "branch":
            self._may_write(repo)
            if revision in self.hub.repos[repo]:
                raise _Refused(409, "", "the branch is there")
            self.hub.repos[repo][revision] = dict(self.hub.files(repo))
            return {}
        if what == "preupload":
            self._may_write(repo)
            names = [entry["path"] for entry in json.loads(body)["files"]]
            modes = {name: "lfs" if name.endswith(".safetensors") else "regular" for name in names}
            return {
                "files": [{"path": name, "uploadMode": modes[name], "shouldIgnore": False} for name in names]
            }
        if what == "commit":
            return self._commit_to(repo, revision, body)
        sha, files = self._files(repo, revision or "main")
        if what == "tree":
            return [
                {"type": "file", "path": n, "size": len(d), "oid": hashlib.sha1(d).hexdigest()}
                for n, d in files.items()
            ]
        return {"id": repo, "sha": sha, "siblings": [{"rfilename": name} for name in files]}

    def _commit_to(self, repo: str, branch: str, body: bytes) -> Any:
        self._may_write(repo)
        files = self.hub.files(repo, branch)
        for line in body.splitlines():
            told = json.loads(line)
            key, value = told["key"], told["value"]
            if key == "header":
                self.hub.messages.append(value["summary"])
            elif key == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif key == "lfsFile":
                files[value["path"]] = self.hub.blobs[value["oid"]]
            elif key == "deletedFile":
                del files[value["path"]]
            else:
                raise _Refused(400, "", f"what is {key}")
        sha = _commit(files)
        return {"commitUrl": f"{self.hub.url}/{repo}/commit/{sha}", "commitOid": sha}

    def _large(self, told: dict[str, Any]) -> Any:
        """Say where large files go, and which are there."""
        self._needs_login()
        objects = []
        for wanted in told["objects"]:
            upload = {"upload": {"href": f"{self.hub.url}/blobs/{wanted['oid']}"}}
            known = wanted["oid"] in self.hub.blobs
            objects.append({**wanted, **({} if known else {"actions": upload})})
        return {"transfer": "basic", "objects": objects}

    def _keep(self, path: str, body: bytes) -> Any:
        oid = path.rpartition("/")[2]
        if hashlib.sha256(body).hexdigest() != oid:
            raise _Refused(400, "", "it is another file")
        self.hub.blobs[oid] = body
        return {}

    def _create(self, told: dict[str, Any]) -> Any:
        self._needs_login()
        org = told.get("organization") or "ada"
        repo = f"{org}/{told['name']}"
        if org not in self.hub.orgs:
            raise _Refused(403, "", f"You don't have the rights to create a model under {org}")
        if repo in self.hub.repos:
            raise _Refused(409, "", "You already created this model repo", repo)
        self.hub.repos[repo] = {"main": {".gitattributes": b"*.safetensors filter=lfs\n"}}
        if told.get("visibility") == "private" or told.get("private"):
            self.hub.private.add(repo)
        return {"url": f"{self.hub.url}/{repo}"}

    def _card(self, text: str) -> Any:
        front = yaml.safe_load(text.split("---")[1])
        if not isinstance(front.get("tags"), list):
            raise _Refused(400, "", "tags are a list")
        return {"warnings": [], "errors": []}

    def _files(self, repo: str, revision: str) -> tuple[str, dict[str, bytes]]:
        hidden = repo in self.hub.private and not self._is_known
        if repo not in self.hub.repos or hidden:
            raise _Refused(404 if self._is_known else 401, "RepoNotFound", "Repository not found")
        found = self.hub.at(repo, revision)
        if found is None:
            raise _Refused(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return found

    def _needs_login(self) -> None:
        if not self._is_known:
            raise _Refused(401, "", "Invalid username or password.")

    def _may_write(self, repo: str) -> None:
        self._needs_login()
        if repo not in self.hub.repos or repo.partition("/")[0] not in self.hub.orgs:
            raise _Refused(403, "", "Forbidden: you may not write here")
