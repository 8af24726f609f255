"""Memory and speed of fetching a clip of 100 MB from a server that sends 40 MB/s, against ``curl``.

    python tests/bench/download.py          a minute; writes results/download.json and prints it

The clip is a real one, made large by a box that players skip. Ours is the whole way as the product goes it: download,
check that it can be played, hash, final name. The speed is that of the download alone, as is ``curl``'s. The memory is
the peak of the resident set over what the same process held after it had fetched a small clip that way.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench import median, row, write

SIZE = 100_000_000
RATE = 40_000_000
SLICE = 0.01
ROUNDS = 5


def made(folder: str) -> Path:
    """A clip of a few kB."""
    import av
    from PIL import Image

    path = Path(folder) / "small.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", 24)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number in range(24):
            picture = Image.new("RGB", (64, 64), (number * 10, 0, 0))
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())
    return path


async def serve(small: bytes) -> asyncio.Server:
    """A server that sends at most `RATE`, in slices of 10 ms, by the clock and not by sleeps."""
    padding = (SIZE - len(small)).to_bytes(4, "big") + b"free"
    block = bytes(int(RATE * SLICE))

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1]
        size = SIZE if path == b"/large" else len(small)
        head = f'HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: {size}\r\nETag: "1"\r\n\r\n'
        writer.write(head.encode() + small)
        sent, began = len(small), time.monotonic()
        if size > sent:
            writer.write(padding)
            sent += len(padding)
        while sent < size:
            due = min(int((time.monotonic() - began) * RATE) + len(block), size) - sent
            for start in range(0, due, len(block)):
                writer.write(block[: min(len(block), due - start)])
                await writer.drain()
            sent += max(due, 0)
            await asyncio.sleep(SLICE)
        writer.close()

    return await asyncio.start_server(answer, "127.0.0.1", 0)


def peak(pid: int) -> int:
    """Peak resident set in bytes since it was last reset."""
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def fetch(url: str) -> None:
    """Child: fetch the small clip, then the large one; prints seconds of the download and bytes of extra memory."""
    from wan_nb.api.client import Client
    from wan_nb.media.clips import inspect_clip
    from wan_nb.media.store import Store

    async def one(client: Client, store: Store, name: str) -> float:
        part = store.part(name)
        began = time.monotonic()
        await client.download(f"{url}/{name}", part)
        took = time.monotonic() - began
        facts = inspect_clip(part)
        assert facts.frames == 24
        assert facts.bytes == (SIZE if name == "large" else facts.bytes)
        store.commit(part, store.name(name))
        return took

    async def both() -> None:
        with tempfile.TemporaryDirectory() as folder:
            client, store = Client("http://127.0.0.1:1", "sk-bench"), Store(Path(folder))
            store.open()
            await one(client, store, "small")
            Path("/proc/self/clear_refs").write_text("5")
            before = peak(os.getpid())
            took = await one(client, store, "large")
            print(took, peak(os.getpid()) - before)
            await client.aclose()

    asyncio.run(both())


async def run(*command: str) -> str:
    child = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    out, _ = await child.communicate()
    assert child.returncode == 0
    return out.decode()


async def main() -> None:
    """Measure in turns, write, print."""
    with tempfile.TemporaryDirectory() as folder:
        server = await serve(made(folder).read_bytes())
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        ours, memory, peer = [], [], []
        for _ in range(ROUNDS):
            took, extra = (await run(sys.executable, __file__, url)).split()
            ours.append(SIZE / float(took))
            memory.append(float(extra) / 1e6)
            said = await run("curl", "--noproxy", "*", "-s", "-o", f"{folder}/curl.mp4", "-w", "%{time_total}", f"{url}/large")  # noqa: E501  # fmt: skip
            peer.append(SIZE / float(said))
        server.close()
    write(
        "download",
        {
            "100 MB clip from a server sending 40 MB/s: extra memory": row(
                median(memory), 16, "MB", worst=round(max(memory), 1)
            ),
            "  its speed against curl": row(
                median([a / b for a, b in zip(ours, peer, strict=True)]), 0.9, "times", at_least=True,
                ours_mb_s=round(median(ours) / 1e6, 1), curl_mb_s=round(median(peer) / 1e6, 1),
            ),
        },
        rounds=ROUNDS,
    )  # fmt: skip


if __name__ == "__main__":
    if len(sys.argv) > 1:
        fetch(sys.argv[1])
    else:
        asyncio.run(main())
