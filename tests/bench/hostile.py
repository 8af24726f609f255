"""Memory that a hostile server can make a look, a list and a download take.

    python tests/bench/hostile.py          a minute; writes results/hostile.json and prints it

The server is a raw socket that answers with what is worst: gigabytes of JSON, as it is and packed by gzip (twice, too);
small objects, which grow most when they are parsed; depth, digits, headers and interim answers without end; a list with
ever new pages; a clip that unpacks to gigabytes. A process of its own for each call has read a right answer before,
from where its memory is counted: the peak of the resident set over that. The worst of all answers counts.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import subprocess
import sys
import tempfile
import zlib
from contextlib import suppress
from functools import cache
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench import row, write
from download import peak

if TYPE_CHECKING:
    from collections.abc import Iterator

GIGABYTE = 1_000_000_000
BLOCK = 1_000_000
RIGHT = {
    "get": b'{"output": {"task_id": "t", "task_status": "RUNNING"}}',
    "list": b'{"data": [{"task_id": "t", "status": "RUNNING"}], "total": 1}',
    "download": b"\0" * 100,
}


@cache
def bomb(block: bytes, times: int) -> bytes:
    """So many blocks, packed; of one block that is repeated, since nobody reads on to the checksum."""
    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    one = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    return gzip.compress(b"")[:10] + one * times


def head(*lines: str, status: str = "200 OK") -> bytes:
    """Status line and headers."""
    return "\r\n".join([f"HTTP/1.1 {status}", "Content-Type: application/octet-stream", *lines, "", ""]).encode()


def plain(block: bytes, *lines: str) -> Iterator[bytes]:
    """A gigabyte of the same."""
    yield head(f"Content-Length: {GIGABYTE}", *lines)
    yield from repeat(block * (BLOCK // len(block)), GIGABYTE // BLOCK)


def packed(block: bytes, coding: str = "gzip") -> Iterator[bytes]:
    """A gigabyte of the same in a megabyte."""
    body = bomb(block * (BLOCK // len(block)), GIGABYTE // BLOCK)
    if coding != "gzip":
        body = bomb(body, 1)
    yield head(f"Content-Length: {len(body)}", f"Content-Encoding: {coding}")
    yield body


def within(body: bytes, *, small: bool = False) -> Iterator[bytes]:
    """An answer that is not too large."""
    body = gzip.compress(body) if small else body
    yield head(f"Content-Length: {len(body)}", *(["Content-Encoding: gzip"] if small else []))
    yield body


def page(number: int) -> Iterator[bytes]:
    """A page of a list that has no end."""
    rows = [
        {"task_id": f"{number}-{n}-{'x' * 150}", "status": "RUNNING", "model_name": f"{n}" * 50} for n in range(1000)
    ]
    yield from within(json.dumps({"data": rows, "total": 10**9}).encode())


SHAPES = {
    "blanks": b" ",
    "zeros": b"0,",
    "objects": b"{},",
    "lists": b"[],",
    "open lists": b"[",
    "texts": b'{"":0.1},',
}
ANSWERS = {
    **{f"a gigabyte of {name}": lambda _, s=shape: plain(s) for name, shape in SHAPES.items()},
    **{f"a gigabyte of {name}, packed": lambda _, s=shape: packed(s) for name, shape in SHAPES.items()},
    **{
        f"{size} of {name}{', packed' * z}": lambda _, s=shape, n=size, z=z: within(
            b"[" + s * (n // len(s)) + b"0]", small=z
        )
        for name, shape in SHAPES.items()
        for size in (250_000, 990_000)
        for z in (False, True)
    },
    "packed twice": lambda _: packed(b" ", "gzip, gzip"),
    "packed by br": lambda _: packed(b" ", "br"),
    "a gigabyte of digits": lambda _: plain(b"9"),
    "a gigabyte of headers": lambda _: iter([b"HTTP/1.1 200 OK\r\n", *[b"X: " + b"x" * BLOCK + b"\r\n"] * 1000]),
    "many headers": lambda _: iter([b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n" * 100_000] * 300]),
    "interim answers": lambda _: iter([b"HTTP/1.1 102 Processing\r\n\r\n" * 10_000] * 300),
    "an error of a gigabyte": lambda _: iter([head(status="500 Oh"), *[b"x" * BLOCK] * 1000]),
    "a redirect of a gigabyte": lambda _: iter([head("Location: download", status="302 On"), *[b"x" * BLOCK] * 1000]),
    "pages without end": page,
}


async def serve() -> asyncio.Server:
    """A server whose paths say what it answers: ``/<answer>/...``, ``/right/...``."""
    names, seen = list(ANSWERS), [0]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode().strip("/").split("/")
            seen[0] += 1
            parts = within(RIGHT[path[1]]) if path[0] == "right" else ANSWERS[names[int(path[0])]](seen[0])
            for part in parts:
                writer.write(part)
                await writer.drain()
        with suppress(OSError):
            writer.close()
            await writer.wait_closed()

    return await asyncio.start_server(answer, "127.0.0.1", 0)


def ask(url: str, call: str) -> None:
    """Child: ask rightly, then hostilely in every way; prints bytes of extra memory for each."""

    from wan_nb.api.client import Client
    from wan_nb.engine.posting.settle import _listed
    from wan_nb.errors import ServiceError

    class Reader:
        """What reading the whole list needs."""

        def __init__(self, client: Client) -> None:
            self.client = client

        async def read(self, read):
            return await read()

    async def once(place: str, folder: str) -> None:
        client = Client(f"{url}/{place}/{call}", "sk-bench")
        with suppress(ServiceError):
            if call == "get":
                await client.get("t")
            elif call == "list":
                await _listed(Reader(client))  # type: ignore[arg-type]
            else:
                await client.download(f"{url}/{place}/download", Path(folder) / "part")
        await client.aclose()

    async def all_of_them() -> None:
        found = {}
        with tempfile.TemporaryDirectory() as folder:
            await once("right", folder)
            Path("/proc/self/clear_refs").write_text("5")
            before = peak(os.getpid())
            for number, name in enumerate(ANSWERS):
                if call == "download" and name.startswith("a gigabyte of") and "packed" not in name and number:
                    continue  # as large as clips may be, it goes to the disk
                Path("/proc/self/clear_refs").write_text("5")
                await once(str(number), folder)
                found[name] = round((peak(os.getpid()) - before) / 1e6, 1)
        print(json.dumps(found))

    asyncio.run(all_of_them())


async def main() -> None:
    """Measure, write, print."""
    server = await serve()
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    rows = {}
    for call, what in (("get", "a look"), ("list", "the list"), ("download", "a download")):
        child = await asyncio.create_subprocess_exec(sys.executable, __file__, url, call, stdout=subprocess.PIPE)
        out, _ = await child.communicate()
        assert child.returncode == 0, call
        found = json.loads(out)
        worst = max(found, key=lambda name: found[name])
        rows[f"hostile server: extra memory of {what}"] = row(
            found[worst], 64, "MB", worst=worst, answers=len(found), each=found
        )
    server.close()
    write("hostile", rows)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        ask(*sys.argv[1:])
    else:
        asyncio.run(main())
