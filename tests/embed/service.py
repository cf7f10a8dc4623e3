"""A FastAPI service with Rota inside, as its authors would write it; the tests run it under uvicorn."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator

from fastapi import FastAPI

from rota import Rota, Run

rota = Rota(service="web")
STARTS = os.environ.get("ROTA_TEST_STARTS", "")


@rota.task(
    schedule={"every": "1s"}, owner="web@example.org", expects="one line a second", rollback="nothing to put back",
    overlap="allow", catch_up="all", catch_up_limit=1000,
)  # fmt: skip
async def tick(run: Run) -> int:
    note(f"{run.id} {run.attempt} {run.token} {os.getpid()}")
    return os.getpid()


@rota.task(owner="web@example.org", expects="it says so", rollback="nothing to put back")
async def greet(name: str) -> str:
    return f"hello {name}"


def note(line: str) -> None:
    fd = os.open(STARTS, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(fd, f"{line}\n".encode())
    finally:
        os.close(fd)


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.ready = True
    yield
    app.state.ready = False


app = FastAPI(lifespan=lifespan)
rota.install(app, prefix="/rota")


@app.get("/")
async def home() -> dict[str, bool]:
    return {"ready": app.state.ready}


@app.post("/greet/{name}")
async def ask(name: str) -> dict[str, int]:
    return {"run": (await rota.enqueue("greet", args={"name": name})).id}


outer = FastAPI()  # mounted by hand below another application: its lifespan is never run
outer.mount("/inner", app)
