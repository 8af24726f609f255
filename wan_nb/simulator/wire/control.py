"""Control of a running simulator under ``/_simulator/``, for tests, demos and the kernels that keep it alive.

====================  ================================================================================================
GET  /_simulator/     state folder and pid
GET  counters         see `Counters.listing`
GET  tasks            every task with all that is known about it
POST tasks            ``{"task_id", "do": "start" | "finish" | "fail", "code", "message"}``
GET, POST, DELETE     faults: rules in force; ``{"faults": [rule, ...]}`` appends; DELETE clears
GET, POST limits      see `Limits`; POST changes what it names
GET, POST config      see `Config`; POST changes what it names
GET, POST clock       ``{"shift": seconds}``
POST kernels          ``{"pid": n}``: this process keeps the simulator running
POST reset            forget everything
====================  ================================================================================================
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from wan_nb.simulator.account.config import changed
from wan_nb.simulator.account.faults import Fault
from wan_nb.simulator.account.limits import Refusal
from wan_nb.simulator.wire.handler import BaseHandler

if TYPE_CHECKING:
    from wan_nb.simulator.service import Service

__all__ = ["ControlHandler"]

_LONGEST_SHIFT = 10 * 365 * 86400


class ControlHandler(BaseHandler):
    """Answers at once, without accounts, limits or faults."""

    def _do(self, method: str, what: str) -> None:
        try:
            action = _ACTIONS.get((method, what))
            if action is None:
                raise Refusal(404, "InvalidParameter", f"there is no {method} /_simulator/{what}")
            body = json.loads(self.request.body) if self.request.body else {}
            if not isinstance(body, dict):
                raise Refusal(400, "InvalidParameter", "the body is not a JSON object")
            self.send_json(200, action(self.service, body, self.settings))
        except KeyError as error:
            self.send_json(400, {"code": "InvalidParameter", "message": f"{error} is missing"})
        except (Refusal, TypeError, ValueError, RecursionError) as error:
            refusal = error if isinstance(error, Refusal) else Refusal(400, "InvalidParameter", str(error))
            self.send_json(refusal.status, {"code": refusal.code, "message": refusal.message})

    def get(self, what: str) -> None:  # noqa: D102
        self._do("GET", what)

    def post(self, what: str) -> None:  # noqa: D102
        self._do("POST", what)

    def delete(self, what: str) -> None:  # noqa: D102
        self._do("DELETE", what)


def _identity(service: Service, _: Any, __: Any) -> dict[str, Any]:
    return {"simulator": "wan_nb", "state": str(service.state.store.folder), "pid": os.getpid()}


def _counters(service: Service, _: Any, __: Any) -> dict[str, Any]:
    return service.state.counters.listing()


def _tasks(service: Service, _: Any, __: Any) -> dict[str, Any]:
    service.schedule.advance()
    return {"tasks": [asdict(task) for task in service.state.tasks.values()]}


def _steer_task(service: Service, body: Any, _: Any) -> dict[str, Any]:
    service.schedule.steer(body["task_id"], body["do"], body.get("code", ""), body.get("message", ""))
    return asdict(service.state.tasks[body["task_id"]])


def _faults(service: Service, _: Any, __: Any) -> dict[str, Any]:
    return {"faults": service.state.faults.listing()}


def _add_faults(service: Service, body: Any, _: Any) -> dict[str, Any]:
    service.state.faults.add([Fault.parse(rule) for rule in body["faults"]])
    return _faults(service, body, _)


def _clear_faults(service: Service, body: Any, _: Any) -> dict[str, Any]:
    service.state.faults.clear()
    return _faults(service, body, _)


def _limits(service: Service, body: Any, _: Any) -> dict[str, Any]:
    if body:
        service.state.limits = changed(service.state.limits, body)
        service.schedule.limits_changed()
    return asdict(service.state.limits)


def _config(service: Service, body: Any, _: Any) -> dict[str, Any]:
    service.state.config = changed(service.state.config, body)
    return asdict(service.state.config)


def _clock(service: Service, body: Any, _: Any) -> dict[str, Any]:
    clock = service.state.clock
    shift = float(body["shift"]) if body else clock.shift
    if not abs(shift) <= _LONGEST_SHIFT:
        raise Refusal(400, "InvalidParameter", f"shift is {_LONGEST_SHIFT} seconds at most, either way")
    clock.shift = shift
    service.schedule.advance()
    return {"shift": clock.shift, "now": clock.now()}


def _kernels(_: Service, body: Any, settings: Any) -> dict[str, Any]:
    kernels = settings["kernels"]
    pid = int(body["pid"])
    if not 0 < pid < 2**31:
        raise Refusal(400, "InvalidParameter", "pid is the number of a process")
    kernels.register(pid)
    return {"kernels": kernels.pids()}


def _reset(service: Service, _: Any, __: Any) -> dict[str, Any]:
    service.reset()
    return {"reset": True}


_ACTIONS: dict[tuple[str, str], Any] = {
    ("GET", ""): _identity,
    ("GET", "counters"): _counters,
    ("GET", "tasks"): _tasks,
    ("POST", "tasks"): _steer_task,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _add_faults,
    ("DELETE", "faults"): _clear_faults,
    ("GET", "limits"): _limits,
    ("POST", "limits"): _limits,
    ("GET", "config"): _config,
    ("POST", "config"): _config,
    ("GET", "clock"): _clock,
    ("POST", "clock"): _clock,
    ("POST", "kernels"): _kernels,
    ("POST", "reset"): _reset,
}
