"""The node: it fires occurrences, claims runs, carries them out and settles their outcomes.

One file a loop: `planner` fires, `claimer` claims, `held` starts on the instant, `attempts` carries out,
`settler` records, `heart` keeps the lease, `rescuer` takes over from the lost, `janitor` tidies.
Decisions stand in `plan` and `verdict` and in `rota.model.lifecycle`, as pure functions.
"""
