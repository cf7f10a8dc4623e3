"""The rules of the trade as a table: what each finding means, how much it matters, and what to do."""

from __future__ import annotations

from collections.abc import Mapping

from rota_site.finding import Finding
from rota_site.rule import Rule

__all__ = ["RULES", "finding"]


RULES: Mapping[str, Rule] = {
    "M01": Rule("sitemap", "error", "the sitemap is not valid", "sitemaps.org, XML tag definitions", "build it by an XML writer; at most 50,000 addresses and 50 MB a file"),
    "M02": Rule("sitemap", "error", "the sitemap lacks a public page", "the site's own listing", "rebuild the sitemap when content changes"),
    "M03": Rule("sitemap", "error", "the sitemap lists what is not to be found", "the site's own listing", "leave out what is not public, not reviewed or noindex"),
    "M04": Rule("sitemap", "error", "an address of the sitemap does not answer with 200", "sitemaps.org", "list the address itself, not one that redirects or is gone"),
    "F01": Rule("feed", "error", "the feed is not valid", "RFC 4287 section 4; RSS 2.0", "build it by an XML writer, with all required elements"),
    "F02": Rule("feed", "error", "the feed is not fresh", "the site's own listing", "rebuild the feed when an article is published, and purge it"),
    "F03": Rule("feed", "error", "the feed shows what is not public", "the site's own listing", "leave out drafts and what is scheduled"),
    "L01": Rule("links", "error", "a link leads nowhere", "RFC 9110 section 15.5", "mend the link, or redirect the old address"),
    "L02": Rule("links", "error", "an image is missing", "RFC 9110 section 15.5", "put the file back, or take the image out"),
    "I01": Rule("images", "warning", "an image is heavier than it may be", "[limits] of site.toml", "serve a smaller derivative"),
    "I02": Rule("images", "warning", "an image has no width and height", "HTML, section 4.8.3; the page moves while it loads", "state the size of the file"),
    "I03": Rule("images", "error", "an image has no alt", "WCAG 2.2, 1.1.1", 'say what it shows, or alt="" where it says nothing'),
    "I04": Rule("images", "error", "an image is not what its type says", "RFC 9110 section 8.3", "send the type of the bytes"),
    "K01": Rule("certificate", "error", "the certificate ends soon, or is not valid", "RFC 5280 section 4.1.2.5", "renew it; look why it was not renewed"),
    "P01": Rule("published", "error", "an article whose time has come is not public", "the site's own listing", "publish it by hand; look at the task that publishes; purge its address"),
    "P02": Rule("published", "critical", "an article is public before its time or after its end", "the site's own listing", "take it down and purge its address"),
    "X01": Rule("indexable", "error", "what is not reviewed may be indexed", "developers.google.com/search, noindex", "send X-Robots-Tag: noindex until it is reviewed"),
    "X02": Rule("indexable", "error", "what is reviewed may not be indexed", "developers.google.com/search, noindex", "take noindex away once it is reviewed, and purge the page"),
    "B01": Rule("robots", "error", "robots.txt is not as it should be", "RFC 9309", "serve it with 200 as text/plain"),
    "B02": Rule("robots", "error", "robots.txt keeps crawlers from a public route", "RFC 9309 section 2.2", "allow it"),
    "B03": Rule("robots", "warning", "a page's canonical address is not its own", "RFC 6596", "name one canonical address, absolute, that answers with 200"),
    "H01": Rule("search", "error", "the search index is not in step", "the site's own listing", "rebuild the index aside and swap it in"),
    "D01": Rule("backup", "error", "there is no backup of late", "[backup] of site.toml", "make one now; look why the last was not made"),
    "D02": Rule("backup", "error", "the backup cannot be restored", "[backup] of site.toml", "keep the last good one; make one now and restore it"),
}  # fmt: skip
"""Every rule, by the name that findings carry."""


def finding(
    rule: str,
    route: str,
    url: str,
    expected: str,
    found: str,
    *,
    what: str = "",
    evidence: tuple[str, ...] = (),
) -> Finding:
    """A finding of a rule; ``what`` says it more closely than the rule's title."""
    known = RULES[rule]
    return Finding(
        rule, known.severity, route, url, what or known.title, expected, found, known.section, known.fix,
        "application", evidence,
    )  # fmt: skip
