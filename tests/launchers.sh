#!/bin/bash
# Tries pre-training over two processes under every launcher that this machine has: Open MPI's and MPICH's mpirun, Slurm's srun. The tests
# need Open MPI alone; this is for what they cannot ask for. Build first (dotnet build -c Release), then:
#
#   bash tests/launchers.sh             # or only one: mpirun.openmpi, mpirun.mpich, srun
#
# For each launcher: two processes learn what one does; a signal through the launcher stops all with a state that the same command
# resumes; a killed process ends all; a stopped one is noticed; a library that is not the launcher's is refused.
# One node is enough for Slurm. It takes about ten minutes on two cores, and ends with 1 where something failed.
set -u
cd "$(dirname -- "$0")/.."
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# A run of the demo's shape in float32: kit NAME KEYS… is its command, which the launchers start.
kit() {
    local name=$1; shift
    echo dotnet scripts/host/bin/Release/net10.0/dotnet-script.dll scripts/pretrain.csx -- configs/demo.yaml "name=$name" \
        "checkpoints.folder=$work" compute.threads=1 training.precision=float32 training.warmup_steps=2 evaluation.every=0 \
        logging.every=1 "checkpoints.percents=[100]" "$@"
}

said() { # said WHAT CONDITION…: prints whether a condition holds
    local what=$1; shift
    if "$@"; then echo "ok      $what"; else echo "FAILED  $what"; failed=1; fi
}

# Whether two runs have the same losses, to rounding, at all updates.
alike() {
    jq -rn --slurpfile a "$work/$1_36/metrics.jsonl" --slurpfile b "$work/$2_36/metrics.jsonl" '
        def losses(rows): [rows[] | select(.loss) | .loss];
        [losses($a), losses($b)] | transpose | map((.[0] - .[1]) / .[0] | fabs) | (length >= 10 and max < 1e-6)' | grep -q true
}

# The processes of a run, without the launcher, whose command line has the same words.
ranks() { pgrep -f "^[^ ]*dotnet .*dotnet-script.dll .*name=$1 " | sort -n; }

begin() { # begin NAME LAUNCHER…: a long run in the background, which has made updates when this returns
    local name=$1; shift
    "$@" $(kit "$name" training.steps=100000 compute.timeout_minutes=0.2) > "$work/$name.log" 2>&1 &
    launched=$!
    for _ in $(seq 120); do grep -q '"loss"' "$work/${name}_36/metrics.jsonl" 2> /dev/null && return; sleep 1; done
    echo "$name has not begun:"; tail -n 5 "$work/$name.log"
}

ended() { # ended SECONDS: whether what begin started has ended by then; its exit code is in $code
    for _ in $(seq "$1"); do kill -0 "$launched" 2> /dev/null || { wait "$launched"; code=$?; return 0; }; sleep 1; done
    kill -KILL "$launched" $(ranks "") 2> /dev/null
    return 1
}

resumes() { # resumes NAME LAUNCHER…: whether the same command goes on from a state
    local name=$1; shift
    begin "$name" "$@"
    for _ in $(seq 60); do grep -q "Resuming from step" "$work/$name.log" && break; sleep 1; done
    kill -TERM $(ranks "$name" | tail -n 1)
    ended 60 && grep -q "Resuming from step" "$work/$name.log"
}

try() { # try NAME LAUNCHER…
    local name=$1; shift
    echo "== $*"
    "$@" $(kit "$name-alike" training.steps=12) > "$work/$name.log" 2>&1
    said "two processes learn what one does" alike alone "$name-alike"

    begin "$name-usr1" "$@"
    kill -USR1 $(ranks "$name-usr1" | tail -n 1)
    said "SIGUSR1 to one process ends all" ended 60
    said "with a state that the same command resumes" resumes "$name-usr1" "$@"

    begin "$name-kill" "$@"
    kill -KILL $(ranks "$name-kill" | tail -n 1)
    said "SIGKILL of one process ends all" ended 60
    said "not with exit code 0 ($code)" [ "$code" -ne 0 ]

    begin "$name-stop" "$@"
    stopped=$(ranks "$name-stop" | tail -n 1); kill -STOP "$stopped"
    said "a stopped process is noticed" ended 90
    kill -KILL "$stopped" 2> /dev/null
    said "and named" grep -q "rank . of 2 on .* has waited" "$work/$name-stop.log"
}

refused() { # refused WORDS LAUNCHER…: whether a launcher's processes end with these words
    local words=$1; shift
    ! "$@" $(kit refused training.steps=12 resume=never) > "$work/refused.log" 2>&1 && grep -q "$words" "$work/refused.log"
}

only=${1:-}
has() {
    [ "${only:-$1}" = "$1" ] || return 1
    command -v "$1" > /dev/null || { echo "== no $1 here"; return 1; }
}

$(kit alone training.steps=12) > "$work/alone.log" 2>&1 || { cat "$work/alone.log"; exit 1; }
if has mpirun.openmpi; then
    openmpi="mpirun.openmpi --oversubscribe --bind-to none -np 2"
    try openmpi $openmpi
    [ -e /usr/lib/x86_64-linux-gnu/libmpich.so.12 ] &&
        said "MPICH's library is refused" refused "not the launcher's library" env ELECTRA_MPI=libmpich.so.12 $openmpi
fi
if has mpirun.mpich; then
    try mpich mpirun.mpich -np 2
    [ -e /usr/lib/x86_64-linux-gnu/libmpi.so.40 ] &&
        said "Open MPI's library is refused" refused "not the launcher's library" env ELECTRA_MPI=libmpi.so.40 mpirun.mpich -np 2
fi
if has srun; then
    try srun srun --mpi=pmix --kill-on-bad-exit=1 -n 2
    begin srun-cancel srun --mpi=pmix -n 2
    scancel --signal=USR1 $(squeue -h -o %A | tail -n 1)
    said "USR1 of scancel ends all" ended 60
    said "with 75, so that the job is requeued ($code)" [ "$code" -eq 75 ]
    said "processes without MPI are refused" refused "nothing connects them" srun --mpi=none -n 2
fi
exit $failed
