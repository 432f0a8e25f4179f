#!/usr/bin/env bash
# What a transform fitted to a frozen network saves against JPEG of the same network's features: the
# quick recipe's two arms (make reproduce first), measured on scenes of seed 2. Ten minutes a core.
set -euo pipefail
cd "$(dirname "$0")/.."
COFEAT=.venv/bin/cofeat
QUICK=runs/quick
DATA=$QUICK/streets-128x64-700-150-seed1
TEST=$QUICK/streets-128x64-test-seed2

$COFEAT data streets $TEST --train 1 --val 200 --size 128x64 --seed 2
for arm in baseline proposed; do
    $COFEAT train recipes/quick-transform.yaml data.root=$DATA train.start=$QUICK/$arm \
        machine.threads=1 -o runs/quick-transform/$arm
    $COFEAT fit runs/quick-transform/$arm
    out=results/quick-transform/$arm
    $COFEAT eval $QUICK/$arm --data $TEST -o $out/features --pictures "" \
        --codecs png,jpeg:95,jpeg:90,jpeg:85,jpeg:80,avif:95,avif:90,avif:80,avif:70,avif:60,"$(seq -s, -f cofeat-lossy:%g 2 2 16)"
    $COFEAT eval runs/quick-transform/$arm --data $TEST -o $out/transform --pictures "" \
        --codecs "$(seq -s, -f cofeat-learned:%g 0 2 30)"
done
