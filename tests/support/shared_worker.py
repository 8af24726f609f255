"""One person of ``test_shared.py``: a process of its own with a session on the class's log and store."""

import json
import sys

import wan_nb
from wan_nb.errors import WanError


def main() -> None:
    """Do what standard input says, one JSON list ``[verb, arguments]`` a line, and answer in one JSON line each."""
    settings = json.loads(sys.stdin.readline())
    paid = settings.pop("paid", False)
    with wan_nb.Session(**settings) as session:
        if paid:
            hide_the_simulator(session)
        for line in sys.stdin:
            verb, *arguments = json.loads(line)
            try:
                answer = VERBS[verb](session, *arguments)
            except WanError as error:
                answer = {"error": type(error).__name__, "said": str(error)}
            print(json.dumps(answer), flush=True)


def hide_the_simulator(session: wan_nb.Session) -> None:
    """Let the session take the service for a real one: simulated runs cost nothing, so they test no budget."""
    client = session.workspace.account.client
    note = client._note

    def noted(response):
        note(response)
        client.simulated = False

    client._note = noted


def submit(session: wan_nb.Session, prompts: list[str], frame: str, fields: dict) -> list[dict]:
    """Ask for a clip of each prompt."""
    return [_told(session.submit(prompt, first_frame=frame, **fields)) for prompt in prompts]


def wait(session: wan_nb.Session, ids: list[str]) -> list[dict]:
    """Wait for runs."""
    return [_told(session.run(run_id).wait(timeout=120)) for run_id in ids]


def look(session: wan_nb.Session, ids: list[str]) -> list[dict]:
    """Runs as they are."""
    return [_told(session.run(run_id)) for run_id in ids]


def forget(session: wan_nb.Session, run_id: str) -> None:
    """Delete the files of a run."""
    session.forget(run_id)


def study(session: wan_nb.Session, name: str, prompts: dict[str, str], frame: str, fields: dict) -> list[dict]:
    """Buy a study and wait for it."""
    bought = session.study(prompts, name=name, first_frame=frame, **fields).submit(max_cost=100).wait()
    return [_told(session.run(row.run_id)) for row in bought.rows()]


def vote(session: wan_nb.Session, name: str, rater: str, better: str) -> int:
    """Answer every question about a study with one variant; how many questions there were."""
    ballot = session.study(name=name).ballot(rater=rater)
    asked = 0
    while (pair := ballot.next()) is not None and asked < 20:
        ballot.record(pair, "left" if pair.left_variant == better else "right")
        asked += 1
    return asked


def ranking(session: wan_nb.Session, name: str) -> dict:
    """What all votes say."""
    found = session.study(name=name).ranking()
    return {
        "votes": found.votes,
        "sentence": found.sentence,
        "raters": sorted({v["rater"] for v in session.log.votes(name)}),
    }


def spent(session: wan_nb.Session) -> float:
    """What counts against the budget."""
    return session.spent()


def _told(run: wan_nb.Run) -> dict:
    path = run.video
    return {
        "id": run.id,
        "status": str(run.status),
        "reused": run.reused,
        "video": str(path) if path else None,
        "sidecar": bool(path and path.with_suffix(".json").exists()),
        "sha256": run.row.video_sha256,
    }


VERBS = {verb.__name__: verb for verb in (submit, wait, look, forget, study, vote, ranking, spent)}

if __name__ == "__main__":
    main()
