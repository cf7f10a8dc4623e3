"""What applying a rota would do, before it is done; and the same as a file, to be reviewed and applied as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from rota.change.diff import Diff, diff
from rota.change.effects import Effect, effects
from rota.change.hazards import Hazard, hazards
from rota.clock import Instant
from rota.define.canonical import canonical_text, digest_of, rota_as_json, rota_from_json
from rota.define.loaded import LoadedRota
from rota.errors import Conflict, Retriable, UsageError
from rota.ledger.protocol import Ledger
from rota.model.revision import Origin

__all__ = ["Plan", "Reviewed", "check_base", "make_plan", "plan_as_json", "plan_of", "read_plan"]

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """The change from the service's current revision (``base``, 0 where there is none) to a rota."""

    service: str
    base: int
    base_digest: str | None
    digest: str
    definition: str  # canonical JSON of the rota that would be applied
    diff: Diff
    effects: tuple[Effect, ...]
    hazards: tuple[Hazard, ...]
    made_at: Instant

    @property
    def changes(self) -> bool:
        """Whether there is anything to apply."""
        return self.digest != self.base_digest


def make_plan(ledger: Ledger, loaded: LoadedRota, slots: Mapping[str, int]) -> Plan:
    """What making ``loaded`` the current revision would do. ``slots`` is what a node carries out at once, by executor."""
    plan = plan_of(ledger, loaded.service, canonical_text(rota_as_json(loaded)))
    found = hazards(ledger, loaded, plan.effects, slots, plan.made_at)
    return replace(plan, hazards=tuple(found))


def plan_of(ledger: Ledger, service: str, definition: str) -> Plan:
    """The same for a rota as canonical JSON; without the hazards, as of one that has run before."""
    now, met = ledger.now(), ledger.touched(service)
    current = next(iter(ledger.revisions(service, limit=1)), None)
    before = {} if current is None else json.loads(current.definition)
    after = json.loads(definition)
    found = diff(before, after)
    return Plan(
        service=service,
        base=0 if current is None else current.number,
        base_digest=None if current is None else current.digest,
        digest=digest_of(definition),
        definition=definition,
        diff=found,
        effects=effects(met, service, found.tasks, before.get("tasks", {}), after["tasks"], now),
        hazards=(),
        made_at=now,
    )


class Reviewed(NamedTuple):
    """What a plan's file says: a rota, the revision that it was planned against with its digest, and the commit that it was
    read from, whoever applies it and wherever."""

    rota: LoadedRota
    base: int
    base_digest: str | None
    origin: Origin


def plan_as_json(plan: Plan, origin: Origin) -> dict[str, Any]:
    """The plan as a file: what is to be applied, and against what; the rest is made anew by whoever reads it."""
    return {
        "schema": SCHEMA,
        "service": plan.service,
        "base": plan.base,
        "base_digest": plan.base_digest,
        "digest": plan.digest,
        "commit": origin.commit,
        "dirty": origin.dirty,
        "definition": json.loads(plan.definition),
    }


def read_plan(text: str, where: str) -> Reviewed:
    """What a plan's file says.

    Raises `UsageError` where it is no plan, of another version, or was changed since it was written.
    """
    try:
        value = json.loads(text)
        found = value["definition"]
        digest = digest_of(canonical_text(found))
        if value["schema"] != SCHEMA or digest != value["digest"]:
            raise ValueError("its content does not have the digest that it names")
        origin = Origin(commit=value["commit"], dirty=value["dirty"])
        return Reviewed(rota_from_json(found), int(value["base"]), value["base_digest"], origin)
    except (ValueError, LookupError, TypeError) as error:
        raise UsageError(
            "the plan cannot be applied",
            expected="a file that rota plan --out has written, as it was written",
            found=f"{type(error).__name__}: {error}",
            where=where,
            next=("rota plan --out FILE",),
        ) from None


def check_base(ledger: Ledger, reviewed: Reviewed) -> None:
    """Raise `Conflict` where the revision that a plan's file was made against is another one in this ledger: staging and
    production may both be at revision 3. A revision never changes, so what holds here holds when it is applied; whether it
    still is the current one is for `apply` to see."""
    service, base, planned = reviewed.rota.service, reviewed.base, reviewed.base_digest
    for found in ledger.revisions(service, 1, number=base):
        if found.digest != planned:
            raise Conflict(
                f"the plan is not for this ledger: its revision {base} of {service} is another one",
                expected=f"revision {base} with the digest {str(planned)[:12]}",
                found=f"revision {base} with the digest {found.digest[:12]}",
                retry=Retriable("after-check", "plan against this ledger: nothing was changed"),
                next=("rota plan --out FILE",),
            )
