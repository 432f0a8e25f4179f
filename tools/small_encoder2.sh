#!/usr/bin/env bash
# The paper's Encoder2 (ResNet-34 without its last stage, from scratch) at a scale that two cores carry:
# 256x128, 700 street scenes, 10 epochs a run, a quarter of an hour each on one core: its two arms, a
# bottleneck with a learned rate, and the competitor for coded pictures. Goes on where it was stopped;
# measured on scenes of seed 2.
set -euo pipefail
cd "$(dirname "$0")/.."
COFEAT=.venv/bin/cofeat
RUNS=runs/small-encoder2
DATA=$RUNS/train
TEST=$RUNS/test
OUT=results/small-encoder2
export OMP_NUM_THREADS=1

$COFEAT data streets $DATA --train 700 --val 150 --size 256x128 --seed 1
$COFEAT data streets $TEST --train 1 --val 200 --size 256x128 --seed 2
train() { # NAME WORDS...
    $COFEAT train recipes/streets-encoder2.yaml data.root=$DATA data.size=256x128 data.train=700 \
        data.val=150 train.epochs=10 train.batch=8 train.validate_epochs=10 machine.threads=1 \
        machine.precision=bf16-mixed "loss.tasks.segmentation={rule: log, pressure: 0.5}" \
        "loss.tasks.disparity={rule: log, pressure: 0.5}" \
        "loss.tasks.reconstruction={rule: log, pressure: 0.5}" "${@:2}" -o "$RUNS/$1"
}
measure() { # NAME CODECS PICTURES
    [ -e "$OUT/$1/points.csv" ] ||
        $COFEAT eval "$RUNS/$1" --data $TEST -o "$OUT/$1" --codecs "$2" --pictures "$3"
}
train baseline train.arm=baseline 'train.coarse=[4,32]'
train proposed train.arm=proposed 'train.coarse=[4,32]' \
    "loss.compressibility={rule: log, pressure: 0.1}"
# A network for coded pictures, and one with a bottleneck on from it, taught by it: as many epochs
# for either. The bottleneck begins with the principal components, which keep what was learned.
PICTURES=('train.pictures=[none,"avif:40","jpeg:50",none,"webp:50","avif:20"]')
LESS=(train.learning_rate=7e-4 loss.tasks.reconstruction.pressure=0.1)
LONG=("train.start=$RUNS/pictures-1" train.epochs=20)
train pictures-1 train.arm=baseline "${LESS[@]}" "${PICTURES[@]}" "train.start=$RUNS/baseline"
train pictures train.arm=baseline "${LESS[@]}" "${PICTURES[@]}" "${LONG[@]}" train.validate_epochs=5
train rate train.arm=rate "${LESS[@]}" "${LONG[@]}" "train.teacher=$RUNS/pictures-1" \
    "loss.distillation.segmentation={rule: log, pressure: 0.5}" \
    "loss.distillation.disparity={rule: log, pressure: 0.25}" network.bottleneck=narrow \
    network.bottleneck_channels=64 train.bottleneck_start=principal network.bits=12 \
    network.step=0.0625 'train.coarse=[8,40]' loss.rate.pressure=0.05 train.validate_epochs=2
$COFEAT fit $RUNS/rate --images 300

FEATURES=png,jpeg:98,jpeg:95,jpeg:90,jpeg:85,jpeg:80,jpeg:70,jpeg:60,jpeg:40,jpeg:20
for arm in baseline proposed; do measure $arm $FEATURES ""; done
measure rate "$(seq -s, -f cofeat-learned:%g 4 2 32)" ""
measure pictures "" \
    jpeg:95,jpeg:85,jpeg:70,jpeg:50,jpeg:30,jpeg:15,webp:90,webp:80,webp:70,webp:50,webp:35,webp:20,avif:70,avif:60,avif:50,avif:40,avif:30,avif:20
