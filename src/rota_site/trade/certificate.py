"""The certificate: valid for the site's name, and not about to end."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from rota.clock import Clock, SystemClock, from_instant
from rota_site.fetch import Fetcher
from rota_site.finding import RouteResult
from rota_site.model import Site
from rota_site.trade.rules import finding

__all__ = ["DAYS", "check"]

DAYS = 21
"""A certificate that ends sooner than this was not renewed when it should have been."""


async def check(
    site: Site,
    fetcher: Fetcher,
    days: int = DAYS,
    clock: Clock | None = None,
    trust: ssl.SSLContext | None = None,
) -> list[RouteResult]:
    """The certificate of the site's address. A site that is reached over http has none: nothing is judged."""
    address = urlsplit(site.infrastructure.url)
    if address.scheme != "https":
        return [RouteResult("certificate", 0, facts={"scheme": address.scheme})]
    host, port = address.hostname or "", address.port or 443
    within = fetcher.infrastructure.limits.timeout.total_seconds()
    where = f"{host}:{port}"
    try:
        ends = await asyncio.wait_for(_ends(host, port, trust or ssl.create_default_context()), within)
    except ssl.SSLCertVerificationError as error:
        found = finding("K01", "certificate", where, f"a certificate for {host}", error.verify_message)
        return [RouteResult("certificate", 1, (found,), url=where)]
    except (OSError, TimeoutError) as error:
        return [RouteResult("certificate", 1, failed=f"{where}: {str(error) or 'no answer in time'}")]
    left = ends - from_instant((clock or SystemClock()).now())
    facts = {"ends": f"{ends:%Y-%m-%dT%H:%M:%SZ}", "days": left // timedelta(days=1)}
    if left > timedelta(days=days):
        return [RouteResult("certificate", 1, url=where, facts=facts)]
    found = finding(
        "K01", "certificate", where, f"at least {days} days", f"{facts['days']} days, until {ends:%Y-%m-%d}"
    )
    return [RouteResult("certificate", 1, (found,), url=where, facts=facts)]


async def _ends(host: str, port: int, trust: ssl.SSLContext) -> datetime:
    _, writer = await asyncio.open_connection(host, port, ssl=trust, server_hostname=host)
    try:
        certificate = writer.get_extra_info("peercert")
    finally:
        writer.close()
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
