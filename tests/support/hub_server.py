"""A stand-in of the Hugging Face Hub's HTTP API, for tests without a network: what huggingface_hub 2.4 calls, no more.

    with HubServer(tokens={"hf_ann": ("ann", "write")}) as hub:
        HfApi(endpoint=hub.url, token="hf_ann").create_repo("ann/model")

Repositories have commits, branches, tags, private and gated ones; large files go by Git LFS (`HF_HUB_DISABLE_XET`) and
are served from another host name, as the real Hub's are, so that a token sent there would show. `requests` lists what
was asked; `failures` makes a request fail.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

LARGE = (".safetensors", ".model", ".bin")  # by LFS, whatever their size
_NAME = r"(?P<repo>[\w.-]+/[\w.-]+)"


@dataclass
class Repo:
    """A repository: commits by id, each with its files; branches and tags name commits."""

    name: str
    private: bool = False
    gated: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    refs: dict[str, str] = field(default_factory=dict)

    def commit(self, files: dict[str, bytes], message: str, branch: str = "main") -> str:
        """Add a commit to a branch; return its id."""
        number = hashlib.sha1(f"{self.name} {len(self.commits)}".encode()).hexdigest()
        self.commits[number] = files
        self.messages.append(message)
        self.refs[branch] = number
        return number

    def find(self, revision: str) -> str | None:
        """Return the commit that a branch, a tag or a commit's own id names."""
        return self.refs.get(revision, revision if revision in self.commits else None)

    def files(self, revision: str = "main") -> dict[str, bytes]:
        """Return the files of a revision."""
        return self.commits[self.refs.get(revision, revision)]


@dataclass
class Answer:
    """What the Hub says."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, content: Any, status: int = 200, **headers: str) -> Answer:
        """Return an answer in JSON."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(status, json.dumps(content).encode(), {"Content-Type": "application/json", **named})

    @classmethod
    def error(cls, status: int, message: str, code: str = "") -> Answer:
        """Return a refusal as the Hub words it: in the body and in two headers."""
        headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
        return cls(status, json.dumps({"error": message}).encode(), headers)


class HubServer:
    """The stand-in, served from a thread while the block lasts.

    Args:
        tokens: for each token its user and role, ``read`` or ``write``.
    """

    def __init__(self, tokens: dict[str, tuple[str, str]] | None = None) -> None:
        self.tokens = tokens or {}
        self.repos: dict[str, Repo] = {}
        self.blobs: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.failures: list[Callable[[str, str], Answer | None]] = []  # a status of 0 cuts the connection
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        port = self._server.server_address[1]
        self.url, self.storage = f"http://127.0.0.1:{port}", f"http://localhost:{port}/storage"

    def __enter__(self) -> HubServer:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def asked(self, part: str) -> list[str]:
        """Return the requests (method and path) in which something occurs."""
        return [request for request in self.requests if part in request]

    def add(self, name: str, files: dict[str, bytes], **kinds: bool) -> Repo:
        """Put a repository there with one commit."""
        repo = self.repos[name] = Repo(name, **kinds)
        repo.commit(files, "by hand")
        return repo

    def answer(self, method: str, path: str, token: str, body: bytes) -> Answer:
        """Return what the Hub says to a request."""
        for fails in self.failures:
            if (failure := fails(method, path)) is not None:
                return failure
        if path.startswith("/storage/"):
            return self._storage(method, path.removeprefix("/storage/"), token, body)
        if token and token not in self.tokens:
            return Answer.error(401, "Invalid credentials in Authorization header")
        if path == "/api/validate-yaml":
            return self._validate(json.loads(body)["content"])
        if path == "/api/repos/create":
            return self._create(token, json.loads(body))
        for methods, pattern, act in _ROUTES:
            if method in methods and (found := re.fullmatch(pattern, path)):
                return self._in_repo(token, found.groupdict(), method, body, act)
        return Answer.error(404, "Not found")

    def _in_repo(self, token: str, named: dict[str, str], method: str, body: bytes, act: Any) -> Answer:
        repo = self.repos.get(named["repo"])
        if repo is None or (repo.private and self._user(token) != _owner(repo.name)):
            # without a token the Hub does not say whether a repository is private or not there
            return Answer.error(404 if token else 401, "Repository not found", "RepoNotFound")
        if act in _WRITES and (self._user(token) != _owner(repo.name) or self.tokens[token][1] != "write"):
            return Answer.error(403, "You are not allowed to write to this repository") if token else (
                Answer.error(401, "Invalid username or password.")
            )  # fmt: skip
        revision = unquote(named.get("revision", "main"))
        commit = repo.find(revision)
        if "revision" in named and commit is None and act not in _NEW_REFS:
            return Answer.error(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return act(self, repo, commit or "", named, body, token)

    def _user(self, token: str) -> str:
        return self.tokens.get(token, ("", ""))[0]

    def _create(self, token: str, asked: dict[str, Any]) -> Answer:
        if not token:
            return Answer.error(401, "Invalid username or password.")
        user, role = self.tokens[token]
        name = f"{asked.get('organization') or user}/{asked['name']}"
        if role != "write" or _owner(name) != user:
            return Answer.error(
                403, f'You don\'t have the rights to create a model under the namespace "{_owner(name)}"'
            )
        if name in self.repos:
            return Answer.json({"error": "You already created this model repo", "url": f"{self.url}/{name}"}, 409)
        self.add(name, {".gitattributes": b"*.safetensors filter=lfs\n"}, private=asked.get("visibility") == "private")
        return Answer.json({"url": f"{self.url}/{name}", "name": name})

    def _validate(self, content: str) -> Answer:
        fine = re.match(r"---\n.*?\n---\n", content, re.DOTALL)
        errors = [] if fine else [{"message": "no metadata"}]
        return Answer.json({"errors": errors, "warnings": []}, 200 if fine else 400)

    def _storage(self, method: str, number: str, token: str, body: bytes) -> Answer:
        if token:  # the real one refuses a request with two kinds of authorization
            return Answer.error(400, "a token was sent to the storage")
        if method == "PUT":
            assert hashlib.sha256(body).hexdigest() == number
            self.blobs[number] = body
            return Answer()
        return Answer(200, self.blobs[number], {"ETag": f'"{number}"'})

    def info(self, repo: Repo, commit: str, named: dict[str, str], body: bytes, token: str) -> Answer:
        siblings = [{"rfilename": path} for path in repo.commits[commit or repo.refs["main"]]]
        about = {"id": repo.name, "sha": commit or repo.refs["main"], "private": repo.private, "gated": repo.gated}
        return Answer.json({**about, "siblings": siblings})

    def tree(self, repo: Repo, commit: str, named: dict[str, str], body: bytes, token: str) -> Answer:
        return Answer.json([_entry(path, content) for path, content in repo.commits[commit].items()])

    def resolve(self, repo: Repo, commit: str, named: dict[str, str], body: bytes, token: str) -> Answer:
        if repo.gated and self._user(token) != _owner(repo.name):
            return Answer.error(403 if token else 401, "Access to this model is restricted", "GatedRepo")
        path = unquote(named["path"])
        content = repo.commits[commit].get(path)
        about = {"X-Repo-Commit": commit}
        if content is None:
            refused = Answer.error(404, f"{path} does not exist", "EntryNotFound")
            refused.headers.update(about)
            return refused
        number = _oid(path, content)
        if not path.endswith(LARGE):
            return Answer(200, content, {**about, "ETag": f'"{number}"'})
        self.blobs[number] = content
        linked = {"X-Linked-Etag": f'"{number}"', "X-Linked-Size": str(len(content))}
        return Answer(302, b"", {**about, **linked, "Location": f"{self.storage}/{number}"})

    def preupload(self, repo: Repo, commit: str, named: dict[str, str], body: bytes, token: str) -> Answer:
        there = repo.commits[commit]

        def mode(path: str) -> dict[str, Any]:
            oid = {"oid": _oid(path, there[path])} if path in there else {}
            return {
                "path": path, "uploadMode": "lfs" if path.endswith(LARGE) else "regular", "shouldIgnore": False, **oid
            }  # fmt: skip

        return Answer.json({"files": [mode(file["path"]) for file in json.loads(body)["files"]]})

    def batch(self, repo: Repo, commit: str, named: dict[str, str], body: bytes, token: str) -> Answer:
        def action(entry: dict[str, Any]) -> dict[str, Any]:
            there = {} if entry["oid"] in self.blobs else {
                "actions": {"upload": {"href": f"{self.storage}/{entry['oid']}"}}
            }  # fmt: skip
            return {**entry, **there}

        return Answer.json({"transfer": "basic", "objects": [action(entry) for entry in json.loads(body)["objects"]]})

    def commit(self, repo: Repo, commit: str, named: dict[str, str], body: bytes, token: str) -> Answer:
        files, message = dict(repo.commits[commit]), ""
        for line in body.decode().splitlines():
            operation = json.loads(line)
            value = operation["value"]
            if operation["key"] == "header":
                message = value["summary"]
            elif operation["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif operation["key"] == "lfsFile":
                files[value["path"]] = self.blobs[value["oid"]]
            elif operation["key"] == "deletedFile":
                del files[value["path"]]
            else:
                raise NotImplementedError(operation["key"])
        number = repo.commit(files, message, unquote(named["revision"]))
        return Answer.json(
            {"success": True, "commitOid": number, "commitUrl": f"{self.url}/{repo.name}/commit/{number}"}
        )

    def branch(self, repo: Repo, commit: str, named: dict[str, str], body: bytes, token: str) -> Answer:
        if commit:
            return Answer.error(409, "Reference already exists")
        start = json.loads(body or b"{}").get("startingPoint", "main")
        repo.refs[unquote(named["revision"])] = repo.refs.get(start, start)
        return Answer(201)


_ROUTES: tuple[tuple[str, str, Any], ...] = (
    ("GET", rf"/api/models/{_NAME}", HubServer.info),
    ("GET", rf"/api/models/{_NAME}/revision/(?P<revision>[^/]+)", HubServer.info),
    ("GET", rf"/api/models/{_NAME}/tree/(?P<revision>[^/]+)", HubServer.tree),
    ("GET HEAD", rf"/{_NAME}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", HubServer.resolve),
    ("POST", rf"/api/models/{_NAME}/preupload/(?P<revision>[^/]+)", HubServer.preupload),
    ("POST", rf"/{_NAME}\.git/info/lfs/objects/batch", HubServer.batch),
    ("POST", rf"/api/models/{_NAME}/commit/(?P<revision>[^/]+)", HubServer.commit),
    ("POST", rf"/api/models/{_NAME}/branch/(?P<revision>[^/]+)", HubServer.branch),
)
_WRITES = (HubServer.preupload, HubServer.batch, HubServer.commit, HubServer.branch)
_NEW_REFS = (HubServer.branch,)


def _owner(name: str) -> str:
    return name.split("/")[0]


def _oid(path: str, content: bytes) -> str:
    """Return a file's id: SHA-256 by LFS, else Git's SHA-1 of the blob."""
    if path.endswith(LARGE):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()


def _entry(path: str, content: bytes) -> dict[str, Any]:
    number = _oid(path, content)
    lfs = {"lfs": {"oid": number, "size": len(content), "pointerSize": 134}} if path.endswith(LARGE) else {}
    return {"type": "file", "path": path, "size": len(content), "oid": number[:40], **lfs}


def _handler(hub: HubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer is one packet: in two, each waits 40 ms for the other side

        def handle_request(self) -> None:
            body = self._body()
            path = urlsplit(self.path).path
            hub.requests.append(f"{self.command} {unquote(path)}")
            token = self.headers.get("Authorization", "").removeprefix("Bearer ").strip()
            answer = hub.answer(self.command, path, token, body)
            if not answer.status:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_GET = do_HEAD = do_POST = do_PUT = handle_request

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    return Handler
