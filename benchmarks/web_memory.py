"""What one web worker weighs after minutes of load, and how many requests it answers meanwhile.

    .venv/bin/python benchmarks/web_memory.py [--minutes 10] [--connections 16]

Goal: at most 150 MiB resident after ten minutes. Servers of its own, the demo brand, a mix of pages, lists, single
things, the public search for the nearest shop, refusals and edits, by HQ, shops and strangers.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx
import psutil

GOAL_MIB = 150.0
PASSWORD = "daiting-demo"
READS = (
    "/v1/shops?limit=50",
    "/v1/products?limit=50",
    "/v1/products?search=cloud",
    "/v1/shops/nearest?latitude=31.23&longitude=121.47",
    "/hq",
    "/hq/shops",
    "/hq/products",
    "/hq/people",
    "/shop",
    "/shop/stock",
    "/v1/shops/01900000-0000-7000-8000-000000000000",
    "/v1/products?cursor=broken",
    "/nowhere",
    "/docs",
    "/readyz",
)
PEOPLE = ("demo-hq", "demo-analyst", "demo-owner", "demo-staff")


def main() -> None:
    """Start, load, print, and fail when the goal is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--connections", type=int, default=16)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="yundian-memory-"))
    folder.chmod(0o711)
    port = _free_port()
    environment = {
        **os.environ,
        "YUNDIAN_VAR_DIR": str(folder),
        "YUNDIAN_RATE_BY_PRINCIPAL": "1000000/minute",
        "YUNDIAN_RATE_BY_ADDRESS": "1000000/minute",
    }
    house = subprocess.Popen(
        [sys.executable, "-m", "yundian", "up", "--port", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_ready(port, house)
        weight = asyncio.run(_load(port, house, arguments.minutes * 60, arguments.connections))
    finally:
        os.killpg(house.pid, signal.SIGTERM)
        house.wait(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)
    held = weight <= GOAL_MIB
    verdict = "held" if held else "MISSED"
    print(f"web worker after {arguments.minutes:g} min: {weight:.0f} MiB (goal {GOAL_MIB:.0f}, {verdict})")
    sys.exit(not held)


async def _load(port: int, house: subprocess.Popen[bytes], seconds: float, connections: int) -> float:
    began = time.monotonic()
    answers: Counter[int] = Counter()
    print(f"at start: {_heaviest_web_worker(house):.0f} MiB")
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        sessions = [None, *[await _sign_in(client, person) for person in PEOPLE]]
        async with asyncio.TaskGroup() as group:
            for number in range(connections):
                group.create_task(
                    _visitor(
                        port, sessions[number % len(sessions)], began + seconds, answers, random.Random(number)
                    )
                )
            group.create_task(_narrate(house, began, seconds, answers))
    total = sum(answers.values())
    print(f"{total} requests, {total / seconds:.0f}/s, {connections} connections")
    print(f"answers: {dict(sorted(answers.items()))}")
    if any(status >= 500 for status in answers):
        sys.exit("the server failed under load")
    return _heaviest_web_worker(house)


async def _sign_in(client: httpx.AsyncClient, person: str) -> str:
    answer = await client.post("/v1/sessions", json={"login": person, "password": PASSWORD})
    answer.raise_for_status()
    return str(json.loads(answer.content)["token"])


async def _visitor(
    port: int, token: str | None, until: float, answers: Counter[int], choice: random.Random
) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30, headers=headers) as client:
        while time.monotonic() < until:
            path = choice.choice(READS)
            accept = "application/json" if path.startswith("/v1") else "text/html"
            answers[(await client.get(path, headers={"Accept": accept})).status_code] += 1


async def _narrate(house: subprocess.Popen[bytes], began: float, seconds: float, answers: Counter[int]) -> None:
    while time.monotonic() - began < seconds:
        await asyncio.sleep(min(60.0, seconds))
        weight = _heaviest_web_worker(house)
        print(f"{time.monotonic() - began:5.0f} s: {weight:.0f} MiB, {sum(answers.values())} requests", flush=True)


def _heaviest_web_worker(house: subprocess.Popen[bytes]) -> float:
    """Granian's parent only supervises; the worker is its child."""
    found: list[float] = [
        child.memory_info().rss / 2**20
        for process in psutil.Process(house.pid).children(recursive=True)
        if process.cmdline()[-1:] == ["serve"]
        for child in [process, *process.children(recursive=True)]
    ]
    return max(found, default=0.0)


def _wait_ready(port: int, house: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until and house.poll() is None:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    sys.exit("the house did not come up")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


if __name__ == "__main__":
    main()
