"""A real S3-compatible server (moto's) on a loopback port, with the faults that buckets have.

It runs in a thread of the test; the product speaks to it through s3fs from processes of its own.
"""

from __future__ import annotations

import re
import threading
import time
import warnings
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

NAME = "class"
MISSING = [name for name in ("moto", "s3fs") if find_spec(name) is None]
"""What a bucket needs and is not installed; each takes a second to import."""

_ERROR = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{0}</Code><Message>{1}</Message></Error>'


class Bucket:
    """The bucket ``s3://class`` and what is wrong with it.

    Attributes
    ----------
    env : dict of str to str
        Environment of a process that uses it.
    delay : float
        Seconds that each answer takes longer.
    failing : int
        So many requests from now on are answered with 503.
    expired : set of str
        Access keys that are no longer valid.
    late : bool
        Listings do not name what was stored since this was set.
    requests : list of (method, path)
        What was asked.
    """

    def __init__(self) -> None:
        self.delay, self.failing, self.late = 0.0, 0, False
        self.expired: set[str] = set()
        self.requests: list[tuple[str, str]] = []
        from werkzeug.serving import make_server

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from moto.server import DomainDispatcherApplication, create_backend_app

        self._app = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self._lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.place = f"s3://{NAME}/clips"
        self.env = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "first",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self._thread = threading.Thread(target=self._server.serve_forever, name="bucket", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the server."""
        self._server.shutdown()
        self._thread.join(30)
        self._server.server_close()

    def client(self) -> Any:
        """A plain client of the bucket, to look and to spoil things."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            region_name="us-east-1",
        )

    def names(self) -> dict[str, int]:
        """Bytes of every object by its name, whatever listings say."""
        late, self.late = self.late, False
        try:
            pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=NAME)
            return {one["Key"]: one["Size"] for page in pages for one in page.get("Contents", ())}
        finally:
            self.late = late

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        method, path, query = environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("QUERY_STRING", "")
        key = re.search(r"Credential=([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
        who = key[1] if key else ""
        if who == "test":
            return self._app(environ, start)
        with self._lock:
            self.requests.append((method, path))
            fails = self.failing > 0
            self.failing -= fails
        if self.delay:
            time.sleep(self.delay)
        if who in self.expired:
            return self._refuse(environ, start, "400 Bad Request", "ExpiredToken", "The provided token has expired.")
        if fails:
            return self._refuse(environ, start, "503 Slow Down", "SlowDown", "Please reduce your request rate.")
        if self.late and method == "GET" and "list-type" in query:
            environ = {**environ, "QUERY_STRING": query.replace("prefix=", "prefix=nothing-yet-")}
        return self._app(environ, start)

    def _refuse(self, environ: dict[str, Any], start: Any, status: str, code: str, said: str) -> list[bytes]:
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        body = b"" if environ["REQUEST_METHOD"] == "HEAD" else _ERROR.format(code, said).encode()
        start(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
        return [body]


@contextmanager
def a_bucket() -> Iterator[Bucket]:
    """An empty bucket."""
    bucket = Bucket()
    try:
        # What moto keeps is one for the whole process.
        urlopen(Request(f"{bucket.url}/moto-api/reset", method="POST"), timeout=30).close()
        bucket.client().create_bucket(Bucket=NAME)
        yield bucket
    finally:
        bucket.close()


if __name__ == "__main__":
    import json
    import sys

    with a_bucket() as served:
        print(json.dumps({**served.env, "place": served.place}), flush=True)
        sys.stdin.read()  # until whoever started it is gone
