"""Error codes of the service: whether a submit may be sent again, what a person should do, which exception it is.

The rules are data, read 2026-11-22. A code means the same as an HTTP error and inside a task that ended FAILED.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["ERRORS", "ErrorRule", "error_rule"]


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """What an error code means for us.

    Attributes
    ----------
    prefix : str
        Matches codes that start with it, so that new sub-codes fall somewhere sensible. The longest match wins.
    retry : bool
        A *submit* refused with it was not accepted and may be sent again after a pause.
    remedy : str
        What a person should do, in one line.
    message : str
        Part of the message that must occur (lower case), where one code has two meanings.
    """

    prefix: str
    retry: bool
    remedy: str
    kind: Literal["auth", "throttle", "request", "media", "content", "service"]
    message: str = ""


_KEY = (
    "Check the key (%wan login): is it complete, has it expired? A key works in one region only: %wan connect beijing, "
    "or %wan connect singapore."
)
_BILL = "The account owes money: pay in the Model Studio console, then run the cell again."
_ACTIVATE = "Activate Model Studio in the console first."
_WAIT = "Too many requests for the account just now; nothing was billed. Run the cell again in a minute."
_CONTENT = "Change the prompt or the material."
_SERVICE = "The service failed on its side; failed tasks are not billed. Run `%wan again ID` to try anew."

ERRORS: tuple[ErrorRule, ...] = (
    ErrorRule("InvalidApiKey", False, _KEY, "auth"),
    ErrorRule("NOT AUTHORIZED", False, _KEY, "auth"),
    ErrorRule("Arrearage", False, _BILL, "auth"),
    ErrorRule("AccessDenied", False, "This account may not do this; check its permissions in the console.", "auth"),
    ErrorRule(
        "AccessDenied",
        False,
        "The async header was missing: a fault of wan_nb, please report it.",
        "request",
        message="synchronous calls",
    ),
    ErrorRule(
        "AccessDenied",
        False,
        "The upload permit expired; run the cell again for a new one.",
        "media",
        message="policy expired",
    ),
    ErrorRule("AccessDenied.Unpurchased", False, _ACTIVATE, "auth"),
    ErrorRule(
        "Model.AccessDenied", False, "The workspace of this key may not use the model; grant it in the console.", "auth"
    ),
    ErrorRule(
        "Workspace.AccessDenied", False, "This key may not use the workspace; take one of that workspace.", "auth"
    ),
    ErrorRule(
        "AllocationQuota.FreeTierOnly",
        False,
        "The free quota is used up: to go on and pay, switch 'free tier only' off in the console.",
        "auth",
    ),
    ErrorRule("ModelNotFound", False, "No such model in this region; see `%%wan?` for the known names.", "request"),
    ErrorRule("WorkSpaceNotFound", False, "No such workspace: check the base URL (%wan connect URL).", "auth"),
    ErrorRule("Throttling", True, _WAIT, "throttle"),
    ErrorRule("LimitRequests", True, _WAIT, "throttle"),
    ErrorRule(
        "Throttling.AllocationQuota",
        True,
        "The allocated quota is used up for now; nothing was billed. Run the cell again later.",
        "throttle",
    ),
    ErrorRule(
        "Throttling.AllocationQuota",
        False,
        "The free quota is used up; buy a plan or pay as you go.",
        "auth",
        message="free allocated quota",
    ),
    ErrorRule("CommodityNotPurchased", False, _ACTIVATE, "auth"),
    ErrorRule("PrepaidBillOverdue", False, _BILL, "auth"),
    ErrorRule("PostpaidBillOverdue", False, _BILL, "auth"),
    ErrorRule("InvalidParameter", False, "A field of the request is wrong; the message names it.", "request"),
    ErrorRule(
        "InvalidParameter",
        False,
        "The address is not the one of this API: a base URL ends in /api/v1 (%wan connect URL).",
        "request",
        message="url error, please check url",
    ),
    ErrorRule(
        "InvalidParameter.DataInspection",
        False,
        "The service could not read the material: give a file, or a URL that opens without login from anywhere.",
        "media",
    ),
    ErrorRule(
        "invalid_parameter_error",
        False,
        "The uploaded file is gone or its header was missing; run the cell again.",
        "media",
    ),
    ErrorRule("DataInspectionFailed", False, _CONTENT, "content"),
    ErrorRule(
        "DataInspectionFailed",
        False,
        "The clip itself was held back by moderation, which can be chance: `%wan again ID`, or another seed.",
        "content",
        message="output",
    ),
    ErrorRule("IPInfringementSuspect", False, _CONTENT, "content"),
    ErrorRule("InvalidURL", False, "The service could not use the URL; give a file instead.", "media"),
    ErrorRule("InvalidFile", False, "The material breaks a limit of the service; the message names it.", "media"),
    ErrorRule("InvalidImage", False, "The picture is not in a format that the service takes.", "media"),
    ErrorRule("BadRequest", False, "The request is empty or malformed; the message names the part.", "request"),
    ErrorRule("BadRequest.TooLarge", False, "The request is too large: give files, not embedded data.", "request"),
    ErrorRule(
        "UnsupportedOperation",
        False,
        "Only a task that still waits (PENDING) can be canceled; a running one is billed when it succeeds.",
        "request",
    ),
    ErrorRule("InternalError", False, _SERVICE, "service"),
    ErrorRule(
        "InternalError.Timeout",
        False,
        "The task did not finish within 3 h and was ended; not billed. `%wan again ID` tries anew.",
        "service",
    ),
    ErrorRule("SystemError", False, _SERVICE, "service"),
    ErrorRule("ModelServiceFailed", False, _SERVICE, "service"),
    ErrorRule("RequestTimeOut", False, _SERVICE, "service"),
    ErrorRule("ModelServingError", False, _SERVICE, "service"),
    ErrorRule("ModelUnavailable", False, _SERVICE, "service"),
)

UNKNOWN_ERROR = ErrorRule("", False, "See the service's error page for this code.", "service")


def error_rule(code: str, message: str = "") -> ErrorRule:
    """Rule of an error: the longest matching code, and among equals the one whose message occurs.

    >>> error_rule("Throttling.RateQuota").retry
    True
    >>> error_rule("Throttling.AllocationQuota", "Free allocated quota exceeded.").retry
    False
    """
    text = message.lower()
    matching = [rule for rule in ERRORS if code.startswith(rule.prefix) and rule.message in text]
    return max(matching, key=lambda rule: (len(rule.prefix), len(rule.message)), default=UNKNOWN_ERROR)
