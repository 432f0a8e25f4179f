#!/usr/bin/env bash
# The paper's Encoder2 (ResNet-34 without its last stage, from scratch) at a scale that two cores carry:
# 256x128, 700 street scenes, some three hours on two cores: its two arms, a bottleneck with a learned
# rate, and the competitor for coded pictures. Goes on where it was stopped; measured on scenes of seed 2.
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
measure() { # RUN NAME CODECS PICTURES
    [ -e "$OUT/$2/points.csv" ] ||
        $COFEAT eval "$RUNS/$1" --data $TEST -o "$OUT/$2" --codecs "$3" --pictures "$4"
}
train baseline train.arm=baseline 'train.coarse=[4,32]'
train proposed train.arm=proposed 'train.coarse=[4,32]' \
    "loss.compressibility={rule: log, pressure: 0.1}"

# Two ways on from the baseline, epoch for epoch: a network for coded pictures, and from its second
# slice one with a bottleneck, which begins with the principal components and learns from the other.
PICTURES=(train.arm=baseline 'train.pictures=[none,"avif:40","jpeg:50",none,"webp:50","avif:20"]')
RATE=(train.arm=rate network.bottleneck=narrow network.bottleneck_channels=64 network.bits=12
    network.step=0.0625 "loss.distillation.segmentation={rule: log, pressure: 0.5}"
    "loss.distillation.disparity={rule: log, pressure: 0.25}")
LESS=(loss.tasks.reconstruction.pressure=0.1)
FAST=(train.learning_rate=7e-4)
SLOW=(train.learning_rate=3e-4 train.freeze_batch_norm=true train.epochs=12 train.validate_epochs=2)
LAST=("${SLOW[@]}" train.learning_rate=2e-4 train.epochs=6
    "loss.tasks.segmentation={rule: log, pressure: 1}")
pictures() { # SLICE START WORDS...
    train "pictures-$1" "${PICTURES[@]}" "${LESS[@]}" "train.start=$RUNS/$2" "${@:3}"
}
rate() { # SLICE START TEACHER WORDS...
    train "rate-$1" "${RATE[@]}" "${LESS[@]}" "${SLOW[@]}" "train.start=$RUNS/$2" \
        "train.teacher=$RUNS/$3" "${@:4}"
}
pictures 1 baseline "${FAST[@]}"
pictures 2 pictures-1 "${FAST[@]}" train.epochs=20 train.validate_epochs=5
pictures 3 pictures-2 "${SLOW[@]}"
pictures 4 pictures-3 "${SLOW[@]}"
pictures 5 pictures-4 "${SLOW[@]}"
pictures 6 pictures-5 "${LAST[@]}"
PACE=('train.coarse=[8,48]' train.entropy_learning_rate=3e-3)
rate 1 pictures-2 pictures-2 train.bottleneck_start=principal 'train.coarse=[8,40]' \
    loss.rate.pressure=0.04
rate 2 rate-1 pictures-3 "${PACE[@]}" loss.rate.pressure=0.08
rate 3 rate-2 pictures-4 "${PACE[@]}" loss.rate.pressure=0.1
rate 4 rate-3 pictures-5 "${PACE[@]}" "${LAST[@]}" 'train.coarse=[16,48]' loss.rate.pressure=0.1 \
    "loss.distillation.segmentation={rule: log, pressure: 1}"
$COFEAT fit $RUNS/rate-4 --images 300

FEATURES=png,jpeg:98,jpeg:95,jpeg:90,jpeg:85,jpeg:80,jpeg:70,jpeg:60,jpeg:40,jpeg:20
for arm in baseline proposed; do measure $arm $arm $FEATURES ""; done
OURS=$(seq -s, -f cofeat-learned:%g 4 4 12),$(seq -s, -f cofeat-learned:%g 14 28)
measure rate-4 rate "$OURS,cofeat-learned:30,cofeat-learned:32" ""
measure pictures-6 pictures "" \
    jpeg:95,jpeg:90,jpeg:85,jpeg:70,jpeg:50,jpeg:30,jpeg:15,webp:90,webp:80,webp:70,webp:50,webp:35,webp:20,avif:70,avif:60,avif:50,avif:40,avif:30,avif:20
