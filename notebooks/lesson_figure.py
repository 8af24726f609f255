"""The figure of ``lesson.ipynb``: what looking after every vote makes of two prompts that are equally good."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from IPython.display import SVG

from wan_nb.studies.race.evidence import BEATS, first_winner, leads, log_evidence

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["equal_prompts"]

DRAWN = 40
WIDTH, HEIGHT, LEFT, FOOT = 700, 300, 44, 40


def equal_prompts(studies: int = 100, seeds: int = 60, *, chance: int = 1) -> SVG:
    """Draw studies of two equal prompts: votes for one less votes for the other, seed by seed.

    Parameters
    ----------
    studies : int
        How many; the first 40 are drawn.
    seeds : int
        Each with one vote, which is as likely for either.
    chance : int
        Begins the chance; another number, another class.
    """
    votes = np.random.default_rng(chance).choice([-1.0, 1.0], (studies, seeds))
    ahead = votes.cumsum(axis=1)
    # What a test at 5 % calls significant when it is asked once; from six votes on.
    number = np.arange(1, seeds + 1)
    won = ((np.abs(ahead) >= 1.96 * np.sqrt(number)) & (number >= 6)).any(axis=1)
    running = np.ones((studies, seeds, 2), dtype=bool)
    raced = first_winner(log_evidence(leads(np.stack([votes, -votes], axis=-1), running)), running)[0] >= 0
    said = (
        f"Of {studies} studies of two equal prompts {won.sum()} have a winner at some look by a test at 5 % (red), "
        f"{raced.sum()} by evidence of {BEATS:g} to 1."
    )
    return SVG(_svg(ahead[:DRAWN], won[:DRAWN], said))


def _svg(ahead: NDArray[np.float64], won: NDArray[np.bool_], said: str) -> str:
    seeds = ahead.shape[1]
    most = max(6.0, float(np.abs(ahead).max()) + 1)

    def line(values: NDArray[np.float64], style: str) -> str:
        points = " ".join(
            f"{LEFT + (WIDTH - LEFT - 10) * n / seeds:.0f},{(HEIGHT - FOOT) / 2 * (1 - value / most) + 4:.0f}"
            for n, value in enumerate([0.0, *values])
        )
        return f'<polyline points="{points}" fill="none" {style}/>'

    edge = 1.96 * np.sqrt(np.arange(1, seeds + 1))
    bars = [line(sign * edge, 'stroke="#888" stroke-dasharray="4 3"') for sign in (1, -1)]
    order = np.argsort(won, kind="stable")
    studies = [
        line(ahead[n], f'stroke="{"#d1242f" if won[n] else "#8c959f"}" stroke-opacity="{0.9 if won[n] else 0.4}"')
        for n in order
    ]
    text = 'fill="#888" font-family="sans-serif" font-size="12"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img">'
        f"<title>{said}</title>{''.join(bars)}{''.join(studies)}"
        f'<text x="2" y="16" {text}>A ahead</text><text x="2" y="{HEIGHT - FOOT}" {text}>B ahead</text>'
        f'<text x="{WIDTH - 60}" y="{(HEIGHT - FOOT) / 2 - 6:.0f}" {text}>{seeds} seeds</text>'
        f'<text x="2" y="{HEIGHT - 12}" {text}>{said}</text></svg>'
    )
