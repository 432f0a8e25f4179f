#!/usr/bin/env bash
# The paper's claim over pressures of L_c and seeds of the training, on the quick recipe's network:
# about three minutes a run on one core. Goes on where it was stopped. Measured on scenes of seed 2;
# give the cuts (stride8 stride16) to sweep.
set -euo pipefail
cd "$(dirname "$0")/.."
RUNS=runs/paper-sweep
DATA=$RUNS/streets-128x64-700-150-seed1
TEST=$RUNS/streets-128x64-test-seed2
COFEAT=.venv/bin/cofeat
export OMP_NUM_THREADS=1

$COFEAT data streets $DATA --train 700 --val 150 --size 128x64 --seed 1
$COFEAT data streets $TEST --train 1 --val 200 --size 128x64 --seed 2
one() { # CUT SEED NAME WORDS...
    local name=$1/$2/$3
    [ -e "results/paper-sweep/$name/points.csv" ] && return
    $COFEAT train recipes/quick.yaml data.root=$DATA network.cut="$1" train.seed="$2" \
        machine.threads=1 train.validate_epochs=20 "${@:4}" -o "$RUNS/$name"
    $COFEAT eval "$RUNS/$name" --data $TEST -o "results/paper-sweep/$name" --pictures "" \
        --codecs png,jpeg:98,jpeg:95,jpeg:90,jpeg:85,jpeg:80,jpeg:70,jpeg:60,jpeg:40,jpeg:20
}
for cut in "${@:-stride8}"; do
    for seed in 0 1 2; do
        one "$cut" $seed baseline train.arm=baseline
        for pressure in 0.003 0.01 0.03; do
            one "$cut" $seed "pressure-$pressure" train.arm=proposed \
                loss.compressibility.pressure=$pressure
        done
    done
done
