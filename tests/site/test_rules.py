"""The rules stand in the reference as they stand in the code, each name once."""

from __future__ import annotations

from pathlib import Path

from rota_site.checks import CHECKS
from rota_site.headers.rules import RULES as OF_HEADERS
from rota_site.purge.rules import RULES as OF_PURGES
from rota_site.readers.rules import RULES as OF_READERS
from rota_site.trade.rules import RULES as OF_THE_TRADE

TABLES = (OF_HEADERS, OF_PURGES, OF_READERS, OF_THE_TRADE)


def test_the_reference_has_every_rule() -> None:
    page = Path("docs/reference/site-rules.md").read_text()
    for name, rule in (each for table in TABLES for each in table.items()):
        assert (
            f"| {name} | `{rule.check}` | {rule.severity} | {rule.title} | {rule.section} | {rule.fix} |"
            in page
        )


def test_every_name_is_of_one_rule_and_every_rule_of_a_check() -> None:
    names = [name for table in TABLES for name in table]
    assert len(names) == len(set(names))
    assert {rule.check for table in TABLES for rule in table.values()} <= {check.name for check in CHECKS} | {
        "purge"
    }
