"""Starts a cache in a folder of its own, without root, and stops it again."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import jinja2

__all__ = ["Cache", "Missing", "nginx", "varnish"]

STAGING = "show-keys"
"""The value of X-Staging with which surrogate keys are shown; a site in earnest takes a secret."""
MODULES = (Path("/usr/lib/nginx/modules"), Path("/usr/share/nginx/modules"), Path("/usr/lib64/nginx/modules"))
WITHIN = 15.0


class Missing(Exception):
    """A cache is not installed here; the text says which, and how to get it."""


@dataclass(frozen=True, slots=True)
class Cache:
    """A cache that runs."""

    kind: str
    url: str
    folder: Path


@contextlib.contextmanager
def varnish(
    origin: str, folder: Path, fault: str = "", port: int = 0, *, xkey: bool = False
) -> Iterator[Cache]:
    """Varnish in front of ``origin``, on loopback; ``xkey`` purges keys by the module of that name, in place of bans.

    Raises `Missing`, and RuntimeError where it does not start.
    """
    program = _program("varnishd", "varnish")
    if xkey and not any(Path("/usr/lib").glob("*/varnish/vmods/libvmod_xkey.so")):
        raise Missing("Varnish's module xkey is not installed; Debian: apt-get install varnish-modules")
    port = port or _free_port()
    (folder / "site.vcl").write_text(
        _rendered("varnish.vcl", origin, fault=fault, staging=STAGING, xkey=xkey)
    )
    argv = [program, "-F", "-j", "none", "-T", "none", "-n", str(folder / "varnish"), "-s", "malloc,64m",
            "-a", f"127.0.0.1:{port}", "-f", str(folder / "site.vcl"), "-p", "default_grace=0"]  # fmt: skip
    with _running(argv, folder, port):
        yield Cache("varnish", f"http://127.0.0.1:{port}", folder)


@contextlib.contextmanager
def nginx(origin: str, folder: Path, fault: str = "", port: int = 0) -> Iterator[Cache]:
    """nginx in front of ``origin``, on loopback. Raises `Missing`, and RuntimeError where it does not start."""
    program = _program("nginx", "nginx and libnginx-mod-http-cache-purge")
    modules = next((each for each in MODULES if (each / "ngx_http_cache_purge_module.so").exists()), None)
    if modules is None:
        raise Missing(
            "nginx's module cache-purge is not installed; Debian: apt-get install libnginx-mod-http-cache-purge"
        )
    port = port or _free_port()
    usual = '"$http_host$uri$mark$kept_args"'
    key = {"query_ignored": '"$http_host$uri"', "tracking_in_key": '"$http_host$request_uri"'}.get(
        fault, usual
    )
    text = _rendered(
        "nginx.conf", origin, fault=fault, listen=port, modules=modules, key=key, is_root=os.geteuid() == 0
    )
    (folder / "nginx.conf").write_text(text)
    with _running([program, "-e", "error.log", "-p", str(folder), "-c", "nginx.conf"], folder, port):
        yield Cache("nginx", f"http://127.0.0.1:{port}", folder)


def _program(name: str, package: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin")
    if found is None:
        raise Missing(f"{name} is not installed; Debian: apt-get install {package}")
    return found


def _rendered(template: str, origin: str, **values: object) -> str:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # these are no pages
    )
    address = urlsplit(origin)
    return environment.get_template(template).render(host=address.hostname, port=address.port, **values)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def _running(argv: Sequence[str], folder: Path, port: int) -> Iterator[None]:
    """The program until it listens, and to its end. Where the system can, it ends with us even if we are killed."""
    with_us = shutil.which("setpriv")
    whole = [with_us, "--pdeathsig", "TERM", *argv] if with_us else list(argv)
    with open(folder / "said.log", "w+b") as said:
        process = subprocess.Popen(whole, cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        try:
            _listening(process, port, folder / "said.log")
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _listening(process: subprocess.Popen[bytes], port: int, said: Path) -> None:
    until = time.monotonic() + WITHIN
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)  # until it listens
    told = said.read_text(errors="replace")[-2_000:]
    raise RuntimeError(
        f"expected {process.args!r} to listen on port {port} within {WITHIN:g} s; it said: {told}"
    )
