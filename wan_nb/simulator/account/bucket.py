"""The temporary store for materials and the signed links to results, as Alibaba's object storage does them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from wan_nb.simulator.account.limits import Refusal
from wan_nb.simulator.account.store import write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from wan_nb.simulator.account.clock import Clock
    from wan_nb.simulator.account.limits import Limits
    from wan_nb.simulator.account.store import Store

__all__ = ["ACCESS_KEY_ID", "Bucket", "form_parts"]

ACCESS_KEY_ID = "SIMULATED-ACCESS-KEY"
_MAX_FILE_MB = 100


class Bucket:
    """Policies, objects and links.

    Parameters
    ----------
    clock : Clock
        Lives and expiries follow its shifted side.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def policy(self, account: str, model: str, host: str, limits: Limits) -> dict[str, Any]:
        """Permit to upload, bound to an account and an exact model by its directory."""
        day = datetime.fromtimestamp(self._clock.now(), UTC).strftime("%Y-%m-%d")
        folder = f"dashscope-instant/{account}/{day}/{secrets.token_hex(16)}"
        expires = datetime.fromtimestamp(self._clock.now() + limits.policy_life, UTC)
        rules = {
            "expiration": expires.isoformat(),
            "conditions": [
                ["content-length-range", 0, _MAX_FILE_MB * 1024 * 1024],
                ["starts-with", "$key", folder],
                {"account": account},
                {"model": model},
            ],
        }
        policy = base64.b64encode(json.dumps(rules).encode()).decode()
        return {
            "policy": policy,
            "signature": self.sign(policy),
            "upload_dir": folder,
            "upload_host": host,
            "expire_in_seconds": int(limits.policy_life),
            "max_file_size_mb": _MAX_FILE_MB,
            "capacity_limit_mb": 999999999,
            "oss_access_key_id": ACCESS_KEY_ID,
            "x_oss_object_acl": "private",
            "x_oss_forbid_overwrite": "true",
        }

    def put(self, parts: list[tuple[str, bytes]], limits: Limits) -> tuple[int, str]:
        """Store one form upload; HTTP status and ETag.

        Raises
        ------
        Refusal
            Whose code and message belong into an XML body.
        """
        form, data = _split(parts)
        rules = self._permit(form)
        conditions = rules["conditions"]
        key = form.get("key", "")
        if not key:
            raise Refusal(400, "InvalidArgument", "Bucket POST must contain a field named 'key'.")
        if not key.startswith(conditions[1][2] + "/") or ".." in key:
            raise Refusal(403, "AccessDenied", "Invalid according to Policy: Policy Condition failed: starts-with $key")
        if len(data) > conditions[0][2]:
            raise Refusal(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size.")
        path = self._path(key)
        if path.exists() and form.get("x-oss-forbid-overwrite", "").lower() == "true":
            raise Refusal(
                409, "FileAlreadyExists", "The object you specified already exists and can not be overwritten."
            )
        record = {"key": key, **conditions[2], **conditions[3], "dies": self._clock.now() + limits.upload_life}
        write_whole(path, data)
        write_whole(path.with_suffix(".json"), json.dumps(record).encode())
        status = form.get("success_action_status", "204")
        return int(status) if status in {"200", "201", "204"} else 204, hashlib.md5(data).hexdigest().upper()  # noqa: S324

    def _permit(self, form: dict[str, str]) -> dict[str, Any]:
        policy = form.get("policy", "")
        if not policy or form.get("OSSAccessKeyId") != ACCESS_KEY_ID:
            raise Refusal(403, "AccessDenied", "Anonymous access is forbidden for this operation.")
        if not hmac.compare_digest(form.get("Signature", "").encode(), self.sign(policy).encode()):
            raise Refusal(403, "SignatureDoesNotMatch", "The request signature does not match the one calculated here.")
        rules: dict[str, Any] = json.loads(base64.b64decode(policy))
        if datetime.fromisoformat(rules["expiration"]).timestamp() <= self._clock.now():
            raise Refusal(403, "AccessDenied", "Invalid according to Policy: Policy expired.")
        return rules

    def open(self, url: str, account: str, model: str) -> bytes | None:
        """Content behind ``oss://...``; None when gone, of another account, or uploaded for another model."""
        path = self._path(url.removeprefix("oss://"))
        if not path.exists():
            return None
        record = json.loads(path.with_suffix(".json").read_bytes())
        permitted = (record["account"], record["model"]) == (account, model)
        return path.read_bytes() if permitted and record["dies"] > self._clock.now() else None

    def link(self, path: str, expires: float) -> str:
        """Path and query of a result link that works until ``expires`` (service clock)."""
        stamp = int(expires)
        signature = self.sign(f"GET\n\n\n{stamp}\n{path}")
        quoted = signature.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
        return f"{path}?Expires={stamp}&OSSAccessKeyId={ACCESS_KEY_ID}&Signature={quoted}"

    def check_link(self, path: str, expires: str, key_id: str, signature: str) -> None:
        """Check a result link.

        Raises
        ------
        Refusal
            403 for a missing, wrong or expired signature.
        """
        if not (expires.isdecimal() and key_id and signature):
            raise Refusal(403, "AccessDenied", "You have no right to access this object because of bucket acl.")
        right = self.sign(f"GET\n\n\n{expires}\n{path}")
        if key_id != ACCESS_KEY_ID or not hmac.compare_digest(signature.encode(), right.encode()):
            raise Refusal(403, "SignatureDoesNotMatch", "The request signature does not match the one calculated here.")
        if int(expires) <= self._clock.now():
            raise Refusal(403, "AccessDenied", "Request has expired.")

    def sign(self, text: str) -> str:
        """HMAC-SHA1 in base64, the scheme of OSS."""
        return base64.b64encode(hmac.digest(self._store.secret, text.encode(), "sha1")).decode()

    def _path(self, key: str) -> Path:
        # The name a client chose never becomes a file name.
        return self._store.folder / "uploads" / f"{hashlib.sha256(key.encode()).hexdigest()}.bin"


def _split(parts: list[tuple[str, bytes]]) -> tuple[dict[str, str], bytes]:
    """Fields before the file, and the file: OSS ignores whatever comes after ``file``."""
    form: dict[str, str] = {}
    for name, content in parts:
        if name == "file":
            return form, content
        form[name] = content.decode("utf-8", "replace")
    raise Refusal(400, "MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.")


def form_parts(content_type: str, body: bytes) -> list[tuple[str, bytes]]:
    """Parts of a multipart body in their order, which ordinary parsers lose.

    Raises
    ------
    Refusal
        400 when it is no multipart form.
    """
    found = re.search(r'boundary="?([^";]+)"?', content_type)
    if not content_type.startswith("multipart/form-data") or not found:
        raise Refusal(412, "PreconditionFailed", "Bucket POST must be of the enclosure-type multipart/form-data.")
    parts: list[tuple[str, bytes]] = []
    for chunk in (b"\r\n" + body).split(b"\r\n--" + found[1].encode())[1:]:
        if chunk.startswith(b"--"):
            return parts
        head, _, content = chunk.partition(b"\r\n\r\n")
        name = re.search(rb'[;\s]name="?([^";\r]+)"?', head)
        if name:
            parts.append((name[1].decode("utf-8", "replace"), content))
    raise Refusal(400, "MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.")
