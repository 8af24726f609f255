"""Settings of one session: which service, which log, which folder, which cap. The only reader of ``os.environ``.

Order of precedence: argument, then ``%config WanMagics``, then environment, then default. It is written in one place,
`Settings.resolve`; the magics hand their configuration in as arguments.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from wan_nb import paths
from wan_nb.arguments import amount, shown, switch
from wan_nb.errors import InvalidOption, WanError, did_you_mean, join_words
from wan_nb.sanitize import Keyless, Secret, opens, remember, remember_url, reveal

__all__ = ["EMBED_MOST", "Settings", "environment", "for_the_simulator"]

EMBED_MOST = 20_000_000
"""Most bytes of clips that are put into a notebook: beyond it saving takes seconds and other tools give up."""

DEFAULT_BUDGET: Mapping[str, float] = {"CNY": 50.0, "USD": 7.0}


_GIVEN = frozenset(
    {"service", "base_url", "api_key", "folder", "log", "media"}
    | {"budget", "gap", "patience", "speed", "migrate", "user", "embed", "notify", "prepare", "workspace", "model"}
)


@dataclass(frozen=True, slots=True)
class Settings(Keyless):
    """What a session needs to know, frozen. Copies and pickles of it carry no key and no password.

    Attributes
    ----------
    service : str
        ``simulator``, a region of the catalog (``beijing``, ``singapore``) or a base URL.
    api_key : str
        A `Secret`: never shown and never written down. The simulator takes any.
    folder : Path
        Absolute. Holds log and clips unless moved: ``wan_runs`` of the working directory.
    log : Path or str
        File of the run log, or an SQLAlchemy URL of another one; ``WAN_NB_LOG``.
    media : Path or str
        Folder of the clips, or an fsspec URL; ``WAN_NB_MEDIA``.
    budget : mapping of str to float
        Cap per currency over a rolling 24 h, for the whole log. Simulated runs do not count.
    gap : float or None
        Seconds between two looks at a task; None lets `engine.polling.pace` choose.
    patience : float
        Seconds that the account's list may lag behind before a submit that is not in it counts as not accepted.
    speed : float
        Pace of a simulator that is started for this session.
    migrate : bool
        A log of an older version on PostgreSQL may be brought to this one; ``WAN_NB_MIGRATE=1``.
    user : str
        Who buys and votes: ``WAN_NB_USER``, else ``JUPYTERHUB_USER``, else the login unless it is one that many share,
        such as jovyan or root. Empty where nobody knows.
    model : str
        Model of requests that name none; empty: what is given decides.
    workspace : str
        Id of a workspace, which with the name of a region makes its host; ``WAN_NB_WORKSPACE``.
    embed : str or float
        Which outputs hold a clip itself: "auto" (light copies of 1 MB where the clip's file is out of reach), "never",
        or up to how many MB each (every clip).
    notify : bool
        Whether boards tell a person whose tab is hidden that what they show has ended.
    prepare : bool
        Whether clips that have come are measured and copied in the background; `WAN_NB_PREPARE=0` leaves that to who
        asks for it, as on a machine that many share.

    Examples
    --------
    >>> Settings.resolve({}).service
    'simulator'
    >>> Settings.resolve({"DASHSCOPE_API_KEY": "k"}).service
    'beijing'
    """

    service: str
    api_key: str = field(repr=False)
    folder: Path
    log: Path | str = field(repr=False)
    media: Path | str = field(repr=False)
    budget: Mapping[str, float]
    gap: float | None = None
    patience: float = 20.0
    speed: float = 1.0
    migrate: bool = False
    user: str = ""
    embed: str | float = "auto"
    notify: bool = False
    prepare: bool = True
    workspace: str = ""
    model: str = ""

    @classmethod
    def resolve(
        cls, environ: Mapping[str, str] | None = None, /, *, base: Path | None = None, **given: Any
    ) -> Settings:
        """Settings from arguments, then environment, then defaults. None counts as not given.

        Parameters
        ----------
        environ : mapping, optional
            Instead of the process's environment.
        base : Path, optional
            What the default folder and relative paths of the environment start from; the working directory without it.
        **given
            ``service`` (or ``base_url``), ``api_key``, ``folder``, ``log``, ``media``, ``budget`` (a number caps every
            currency), ``gap``, ``patience``, ``speed``, ``migrate``, ``user``, ``embed``,
            ``notify``, ``prepare``, ``workspace``, ``model``.

        Raises
        ------
        InvalidOption
            A setting that there is not; a budget, gap or speed that is no positive number; a budget in a currency that
            no service bills in.
        """
        env = os.environ if environ is None else environ
        if unknown := sorted(set(given) - _GIVEN):
            raise InvalidOption(
                f"a session has no setting {shown(unknown[0])}.", remedy=f"There are {', '.join(sorted(_GIVEN))}."
            )
        chosen = {name: value for name, value in given.items() if value is not None}
        for name in ("service", "base_url", "api_key"):
            if not isinstance(chosen.get(name, ""), str):
                raise InvalidOption(f"{name} is a text, not an object of type {type(chosen[name]).__name__}.")
        key = Secret(reveal(chosen.get("api_key") or env.get("DASHSCOPE_API_KEY", "")).strip())
        for secret in (key, env.get("DASHSCOPE_API_KEY", "")):
            remember(secret)
        for name in _PROXIES:
            remember_url(env.get(name, ""))
        default_service = (env.get("DASHSCOPE_HTTP_BASE_URL") or "beijing") if key else "simulator"
        folder = paths.local(chosen["folder"]) if "folder" in chosen else paths.local("wan_runs", base=base)
        return cls(
            service=str(chosen.get("service") or chosen.get("base_url") or default_service).strip().rstrip("/"),
            api_key=key,
            folder=folder,
            log=_place(chosen.get("log")) or _place(env.get("WAN_NB_LOG"), base) or folder / "runs.db",
            media=_place(chosen.get("media")) or _place(env.get("WAN_NB_MEDIA"), base) or folder,
            budget=_budget(chosen.get("budget", DEFAULT_BUDGET)),
            gap=_above_zero("gap", chosen["gap"]) if "gap" in chosen else None,
            patience=_above_zero("patience", chosen.get("patience", 20.0)),
            speed=_above_zero("speed", chosen.get("speed", 1.0)),
            workspace=_workspace(chosen.get("workspace", env.get("WAN_NB_WORKSPACE", ""))),
            migrate=switch(chosen.get("migrate", env.get("WAN_NB_MIGRATE") == "1"), "migrate"),
            user=_user(chosen.get("user"), env),
            embed=_embed(chosen.get("embed", "auto")),
            model=_model(chosen.get("model", "")),
            notify=switch(chosen.get("notify", False), "notify"),
            prepare=switch(chosen.get("prepare", env.get("WAN_NB_PREPARE") != "0"), "prepare"),
        )

    def portable(self) -> dict[str, Any]:
        """Arguments that open the same log and folder in another process, without the key and with nothing secret.

        Raises
        ------
        WanError
            The log or the store is at a URL, which may hold a password.
        """
        if not (isinstance(self.log, Path) and isinstance(self.media, Path)):
            raise WanError(
                "a run of a log or store at a URL is not sent to another process: the URL may hold a password.",
                remedy="Send run.id, and open it there: wan_nb.Session(...).run(id).",
            )
        places = {"folder": self.folder, "log": self.log, "media": self.media}
        return {
            "service": self.service,
            "workspace": self.workspace or None,
            **{name: str(path) for name, path in places.items()},
        }

    def moved(self, **changes: Any) -> Settings:
        """The same settings with some replaced."""
        return replace(self, **changes)


def environment() -> Mapping[str, str]:
    """The environment of this process."""
    return os.environ


def for_the_simulator() -> dict[str, str]:
    """The environment for the simulator's process, which outlives this one: no key, no password but a proxy's."""
    return {name: value for name, value in os.environ.items() if name in _PROXIES or not opens(name, value)}


_PROXIES = [shape(f"{kind}_proxy") for kind in ("http", "https", "all") for shape in (str.lower, str.upper)]


def _place(given: Any, base: Path | None = None) -> Path | str | None:
    """A file or folder as an absolute path, also where it was written as a URL of SQLite; another URL as it is."""
    if given is None or (isinstance(given, str) and not given):
        return None
    text = reveal(given) if isinstance(given, str) else ""
    scheme, _, rest = text.partition(":///")
    if scheme in {"sqlite", "sqlite+pysqlite"}:
        # SQLAlchemy reads the query and the escapes of such a URL itself.
        plain = bool(rest) and rest != ":memory:" and not rest.startswith("file:") and not {"?", "%"} & set(rest)
        return paths.local(rest, base=base) if plain else text
    if not paths.is_url(text):
        return paths.local(given, base=base)
    return Secret(text) if remember_url(text) else text


def _workspace(value: Any) -> str:
    """An id that can stand in the name of a host."""
    text = value.strip() if isinstance(value, str) else value
    if not isinstance(text, str) or not re.fullmatch(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)?", text):
        raise InvalidOption(f"{shown(value)} is no id of a workspace: letters, digits and hyphens.", field="workspace")
    return text


def _budget(value: Any) -> Mapping[str, float]:
    given = value if isinstance(value, Mapping) else dict.fromkeys(DEFAULT_BUDGET, value)
    # A mapping changes the caps that it names: raising one currency must not take the cap off the other.
    caps = dict(DEFAULT_BUDGET)
    named: set[str] = set()
    for key, cap in given.items():
        currency = key.strip().upper() if isinstance(key, str) else key
        if currency not in DEFAULT_BUDGET:
            known = join_words(list(DEFAULT_BUDGET), "and")
            meant = did_you_mean(["CNY"] if currency in {"RMB", "CNH", "YUAN", "¥", "￥", "元"} else [])
            raise InvalidOption(f"no service bills in {shown(key)}: budgets are in {known}. {meant}", field="budget")
        if currency in named:
            raise InvalidOption(f"the budget names {currency} twice.", field="budget")
        named.add(currency)
        caps[currency] = amount(cap, f"budget {currency} must be a positive number")
    return caps


_SHARED_LOGINS = frozenset(
    {"admin", "administrator", "codespace", "colab", "default", "docker", "guest", "jovyan", "jupyter", "kaggle"}
    | {"nobody", "root", "runner", "test", "ubuntu", "user", "vscode"}
)
"""Logins that say nothing of who somebody is."""


def _user(given: Any, env: Mapping[str, str]) -> str:
    """Who somebody is; what was given counts also where it is empty."""
    if given is not None and not isinstance(given, str):
        raise InvalidOption(f"user is a text, not an object of type {type(given).__name__}.", field="user")
    for said in (given, env.get("WAN_NB_USER"), env.get("JUPYTERHUB_USER") or None):
        if said is not None:
            return str(said).strip()[:60]
    login = env.get("LOGNAME") or env.get("USER") or env.get("USERNAME") or ""
    return "" if login.lower() in _SHARED_LOGINS else login.strip()[:60]


def _model(value: Any) -> str:
    if not isinstance(value, str) or len(name := value.strip()) > 100 or len(name.split()) > 1:
        raise InvalidOption(f"{shown(value)} is no name of a model.", field="model")
    return name


def _embed(value: Any) -> str | float:
    if isinstance(value, str) and value in {"auto", "never"}:
        return str(value)
    words = f'embed is "auto", "never", or a number of MB from 0.1 to {EMBED_MOST / 1e6:g}'
    most = amount(value, words)
    if not 0.1 <= most <= EMBED_MOST / 1e6:
        raise InvalidOption(f"{words}, not {shown(value)}.", field="embed")
    return most


def _above_zero(name: str, value: Any) -> float:
    return amount(value, f"{name} must be a positive number", zero=False)
