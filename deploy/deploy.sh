#!/bin/sh
# Put a release in the place of the one that serves, or leave everything as it was.
#
#   deploy.sh RELEASE   put releases/RELEASE in place
#   deploy.sh --back    put the release before in place, by the same steps
#   deploy.sh --undo    undo what a deploy has left that was cut off
#   deploy.sh --steps   print the names of the steps
#
# Exit codes: 0 in place; 1 failed, and all is as it was; 2 wrong usage, or another deploy is under way: nothing was
# done; 3 failed, and not all could be undone; 129, 130, 143 hung up, interrupted, terminated: all is as it was.
#
# To rehearse a failure, ROTA_DEPLOY_FAIL_AT=before:STEP or after:STEP has it fail there, and kill:STEP has it killed.

set -u

STEPS="check drain migrate fit join plan apply restart audit"

# -- what may differ from site to site: deploy.env beside this script, or the file that ROTA_DEPLOY_ENV names

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
env_file=${ROTA_DEPLOY_ENV:-$here/deploy.env}
if [ -r "$env_file" ]; then
    set -a
    # shellcheck source=/dev/null
    . "$env_file"
    set +a
fi

ROOT=${ROTA_DEPLOY_ROOT:-/srv/site}
STOP=${ROTA_DEPLOY_STOP:-systemctl stop rota}
START=${ROTA_DEPLOY_START:-systemctl start rota}
READY=${ROTA_DEPLOY_READY:-current/bin/python -c "from urllib.request import urlopen; urlopen('http://127.0.0.1:8321/readyz', timeout=5)"}
READY_WITHIN=${ROTA_DEPLOY_READY_WITHIN:-60}
BACKUP=${ROTA_DEPLOY_BACKUP:-}
ALONE=${ROTA_DEPLOY_ALONE:-no}
REHEARSE_DAYS=${ROTA_DEPLOY_REHEARSE_DAYS:-7}
WITHIN=${ROTA_DEPLOY_WITHIN:-5m}
UNDECIDED=${ROTA_DEPLOY_UNDECIDED:-back}
SETTLE=${ROTA_DEPLOY_SETTLE:-30}
SINCE=${ROTA_DEPLOY_AUDIT_SINCE:-1h ago}
REASON=${ROTA_DEPLOY_REASON:-}

state=$ROOT/deploying
journal=$state/journal

# -- the steps. Each answers whether it went well; what has to be known to undo it is noted before it is done.

do_check() { # is the new build whole, and does history hold before anything is done?
    found=$(rota "$release" check --output-format=json) || {
        rota "$release" check # the same in words
        return 1
    }
    note service "$(echo "$found" | field service)"
    versions=$(versions_of "$release") || return 1
    note schema "${versions% *}"
    note serves "${versions#* }"
    [ -n "$previous" ] || return 0
    rota "$previous" audit --since "$SINCE" || {
        say "the audit does not hold before anything was done: this deploy is not its cause"
        return 1
    }
}

do_drain() { # no node may work while the schema is changed under it
    if ! migrates && [ "$ALONE" != yes ]; then return 0; fi
    [ -n "$previous" ] || return 0
    note drained yes
    stop_service || return 1
    ! migrates || no_node_lives
}

do_migrate() { # up or down, by the build that knows both versions: the newer of the two
    migrates || return 0
    if [ -n "$BACKUP" ]; then (cd "$ROOT" && sh -c "$BACKUP") || return 1; fi
    rota "$(newer_build)" migrate --to "$(noted serves)" --yes
}

do_fit() { # code for every task of the rota at hand, and for the arguments of what waits
    rota "$release" deploy-check --then-apply
}

do_join() { # a node of the new build beside the old ones, so that there is code for what is tried
    rm -f "$state/trial.pid"
    # In a session of its own, so that no key and no hang-up of this terminal ends it before it has drained.
    # shellcheck disable=SC2016 # the inner shell's own number, which the node keeps
    (cd "$ROOT/releases/$release" &&
        exec setsid sh -c 'echo $$ >"$1/trial.pid"; exec bin/rota run --no-pages' - "$state") >"$state/trial.log" 2>&1 9>&- &
    waited=0
    until grep -q " serves .* of " "$state/trial.log"; do
        waited=$((waited + 1))
        if [ "$waited" -gt $((READY_WITHIN * 5)) ] || { [ -s "$state/trial.pid" ] && ! is_alive "$(trial)"; }; then
            tail -n 5 "$state/trial.log"
            return 1
        fi
        sleep 0.2
    done
}

do_plan() { # what the rota at hand would change, written down, so that exactly this is applied
    rota "$release" plan --out "$state/plan.json" || return 1
    note base "$(field base <"$state/plan.json")"
    if [ "$(field digest <"$state/plan.json")" = "$(field base_digest <"$state/plan.json")" ]; then
        note changes no
    elif [ "$REHEARSE_DAYS" != 0 ] && [ "$(noted base)" != 0 ]; then
        rota "$release" rehearse --days "$REHEARSE_DAYS"
    fi
}

do_apply() { # tried by its canaries; the nodes put it back by themselves if this machine dies meanwhile
    [ "$(noted changes)" != no ] || return 0
    rota "$release" apply "$state/plan.json" -m "${REASON:-release $release}" --verify --within "$WITHIN" --yes
    case $? in
    0) ;;
    3)
        [ "$UNDECIDED" = keep ] || return 1
        rota "$release" confirm -m "release $release: kept, although no canary has decided"
        ;;
    *) return 1 ;;
    esac
}

do_restart() { # what runs may end, the link moves, and the new build has to say that it is ready
    note restarting yes
    [ "$(noted drained)" = yes ] || stop_service || return 1
    point_to "$release" && start_service && end_trial
}

do_audit() { # is every occurrence accounted for, those of the handover among them?
    sleep "$SETTLE"
    rota "$release" audit --since "$SINCE"
}

# -- and back: each looks at how things are, so that it may be done again, and after a step that was cut off

undo_restart() {
    [ "$(noted restarting)" = yes ] || return 0
    stop_service || return 1
    point_to "$previous" || return 1
    [ "$(noted drained)" = yes ] || start_service || return 1
    undone "the service is that of ${previous:-no release} again"
}

undo_apply() {
    base=$(noted base)
    [ "$(noted changes)" != no ] && [ "${base:-0}" != 0 ] || return 0
    rota "$release" diff current "$base" --service "$(noted service)" >/dev/null
    case $? in
    0) ;;
    3)
        rota "$release" rollback "$base" --service "$(noted service)" -m "release $release was not kept" --yes >/dev/null &&
            undone "the rota is that of revision $base again"
        ;;
    *) return 1 ;;
    esac
}

undo_join() {
    [ -n "$(trial)" ] || return 0
    end_trial && undone "the node that tried it has ended"
}

undo_migrate() {
    migrates || return 0
    versions=$(versions_of "$(newer_build)") || return 1
    [ "${versions% *}" != "$(noted schema)" ] || return 0
    rota "$(newer_build)" migrate --to "$(noted schema)" --yes && undone "the schema is version $(noted schema) again"
}

undo_drain() {
    [ "$(noted drained)" = yes ] || return 0
    stop_service || return 1 # it may have been started since
    start_service && undone "the service runs again"
}

# -- how the steps are gone through

deploy() {
    for step in $STEPS; do
        fail_at "before:$step"
        say "== $step"
        note began "$step"
        "do_$step" || fail
        fail_at "after:$step"
    done
    trap '' INT TERM HUP
    if [ -n "$previous" ] && [ "$previous" != "$release" ]; then echo "$previous" >"$state/previous"; fi
    rm -f "$journal"
    say "$release is in place${previous:+; back: $0 --back}"
}

fail() {
    say "FAILED: $release at the step $step"
    undo
    say "nothing of $release is left; retry: safe, once what is said above at $step is mended"
    exit 1
}

interrupted() {
    say "INTERRUPTED: $release at the step $step"
    undo
    say "nothing of $release is left; retry: safe"
    exit "$1"
}

undo() {
    trap '' INT TERM HUP # once begun, it is finished
    for back in audit restart apply join migrate drain; do
        grep -q "^began=$back$" "$journal" 2>/dev/null || continue
        command -v "undo_$back" >/dev/null || continue
        "undo_$back" || {
            say "NOT UNDONE: $back, and what was before it; see above"
            say "retry: safe, with $0 --undo, once what is in the way is mended"
            exit 3
        }
    done
    rm -f "$journal" "$state/plan.json"
}

tidy_up() { # after a deploy that was cut off
    [ -e "$journal" ] || return 0
    asked=$release previous=$(noted previous) release=$(noted release)
    say "the deploy of $release was cut off; undoing it first"
    undo
    release=$asked
}

fail_at() {
    case ${ROTA_DEPLOY_FAIL_AT:-} in
    "$1")
        say "failing $1, as ROTA_DEPLOY_FAIL_AT says"
        fail
        ;;
    "kill:$step") [ "$1" = "before:$step" ] || kill -9 $$ ;;
    esac
}

# -- small words

say() { echo "deploy: $*"; }
undone() { say "undone: $*"; }
rota() { (cd "$ROOT/releases/$1" && shift && exec bin/rota "$@"); }
note() { echo "$1=$2" >>"$journal" && sync "$journal"; }
noted() { sed -n "s/^$1=//p" "$journal" 2>/dev/null | tail -n 1; }
field() { "$ROOT/releases/$release/bin/python" -c 'import json, sys; print(json.load(sys.stdin).get(sys.argv[1]) or 0)' "$1"; }
migrates() { [ "$(noted schema)" != "$(noted serves)" ]; }
newer_build() { if [ "$(noted serves)" -gt "$(noted schema)" ]; then echo "$release"; else echo "$previous"; fi; }
trial() { cat "$state/trial.pid" 2>/dev/null; }
is_alive() { grep -q '^State:[[:space:]]*[^ZX]' "/proc/${1:-0}/status" 2>/dev/null; }

versions_of() { # "FOUND SERVES": the ledger's schema, and the one that a build serves
    told=$(rota "$1" migrate --status)
    case $? in 0 | 3) ;; *) return 1 ;; esac
    echo "$told" | sed -n 's/^schema version \([0-9]*\); this build serves \([0-9]*\)$/\1 \2/p'
}

point_to() { # in one step, so that there is always a release to start
    if [ -z "$1" ]; then rm -f "$ROOT/current" && return 0; fi
    ln -sfn "releases/$1" "$ROOT/current.new" && mv -fT "$ROOT/current.new" "$ROOT/current"
}

stop_service() { (cd "$ROOT" && sh -c "$STOP") 9>&-; }

start_service() {
    [ -e "$ROOT/current" ] || return 0
    (cd "$ROOT" && sh -c "$START") 9>&- || return 1
    waited=0
    until (cd "$ROOT" && sh -c "$READY") >"$state/ready.log" 2>&1; do
        if [ "$waited" -ge $((READY_WITHIN * 4)) ]; then
            tail -n 3 "$state/ready.log"
            say "not ready within $READY_WITHIN s"
            return 1
        fi
        waited=$((waited + 1))
        sleep 0.25
    done
}

end_trial() { # SIGTERM has it drain
    pid=$(trial)
    if [ -n "$pid" ] && is_alive "$pid"; then
        kill -TERM "$pid"
        while is_alive "$pid"; do sleep 0.2; done
    fi
    rm -f "$state/trial.pid"
}

no_node_lives() { # on any machine: those that STOP did not reach are named
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        rota "$previous" status --fail-if no-node >/dev/null
        [ $? = 3 ] && return 0
        sleep 2
    done
    say "nodes are live, and the schema is to be changed: have ROTA_DEPLOY_STOP stop them"
    rota "$previous" nodes
    return 1
}

usage() {
    say "$1"
    sed -n 's/^#   //p' "$0"
    exit 2
}

# -- begin

[ $# = 1 ] || usage "expected one argument, found $#"
if [ "$1" = --steps ]; then echo "$STEPS" && exit 0; fi
[ -d "$ROOT/releases" ] || usage "there is no folder $ROOT/releases: set ROTA_DEPLOY_ROOT in $env_file"
mkdir -p "$state" || usage "$state cannot be made"
exec 9>"$state/lock"
flock -n 9 || usage "another deploy is under way"
case $1 in
--undo) release="" ;;
--back) release=$(cat "$state/previous" 2>/dev/null) || usage "there is no release before" ;;
-*) usage "there is no option $1" ;;
*) release=$1 ;;
esac
[ "$1" = --undo ] || [ -x "$ROOT/releases/$release/bin/rota" ] || usage "there is no $ROOT/releases/$release/bin/rota"
tidy_up
[ "$1" != --undo ] || exit 0
previous=$(basename "$(readlink "$ROOT/current" 2>/dev/null)")
note release "$release"
note previous "$previous"
step=check
trap 'interrupted 129' HUP
trap 'interrupted 130' INT
trap 'interrupted 143' TERM
deploy
