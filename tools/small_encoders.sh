#!/usr/bin/env bash
# The paper's encoders (ResNet-34, for Encoder2 without its last stage, from scratch) at a scale that two
# cores carry: 256x128, 700 street scenes and then 3,000, some nine hours on a core. For Encoder2 a
# network for coded pictures and one with a bottleneck and a learned rate, for both the paper's two
# arms. Goes on where it was stopped; measured on scenes of seed 2.
set -euo pipefail
cd "$(dirname "$0")/.."
COFEAT=.venv/bin/cofeat
RUNS=runs/small-encoders
DATA=$RUNS/train
TEST=$RUNS/test
OUT=results/small-encoders
export OMP_NUM_THREADS=1

$COFEAT data streets $DATA --train 3000 --val 200 --size 256x128 --seed 1
$COFEAT data streets $TEST --train 1 --val 200 --size 256x128 --seed 2
ENCODER=encoder2
train() { # NAME WORDS...
    $COFEAT train recipes/streets-$ENCODER.yaml data.root=$DATA data.size=256x128 data.train=700 \
        data.val=150 train.epochs=10 train.batch=8 train.validate_epochs=10 machine.threads=1 \
        machine.precision=bf16-mixed "loss.tasks.segmentation={rule: log, pressure: 0.5}" \
        "loss.tasks.disparity={rule: log, pressure: 0.5}" \
        "loss.tasks.reconstruction={rule: log, pressure: 0.5}" "${@:2}" -o "$RUNS/$1"
}
measure() { # RUN NAME CODECS PICTURES
    [ -e "$OUT/$ENCODER/$2/points.csv" ] ||
        $COFEAT eval "$RUNS/$1" --data $TEST -o "$OUT/$ENCODER/$2" --codecs "$3" --pictures "$4"
}

# A network for coded pictures. 700 scenes are learned by heart by the sixth slice; the rest see 3,000.
train start train.arm=baseline 'train.coarse=[4,32]'
pictures() { # SLICE START WORDS...
    train "pictures-$1" train.arm=baseline loss.tasks.reconstruction.pressure=0.1 \
        'train.pictures=[none,"avif:40","jpeg:50",none,"webp:50","avif:20"]' "train.start=$RUNS/$2" "${@:3}"
}
FAST=(train.learning_rate=7e-4)
SLOW=(train.learning_rate=3e-4 train.freeze_batch_norm=true train.epochs=12 train.validate_epochs=2)
HEAVY=("loss.tasks.segmentation={rule: log, pressure: 1}")
ALL=(data.train=3000 data.val=200 train.freeze_batch_norm=true train.validate_epochs=1)
MORE=("${HEAVY[@]}" loss.tasks.disparity.pressure=0.75 "${ALL[@]}")
pictures 1 start "${FAST[@]}"
pictures 2 pictures-1 "${FAST[@]}" train.epochs=20 train.validate_epochs=5
pictures 3 pictures-2 "${SLOW[@]}"
pictures 4 pictures-3 "${SLOW[@]}"
pictures 5 pictures-4 "${SLOW[@]}"
pictures 6 pictures-5 "${SLOW[@]}" "${HEAVY[@]}" train.learning_rate=2e-4 train.epochs=6
pictures 7 pictures-6 "${MORE[@]}" train.learning_rate=6e-4 train.epochs=5
pictures 8 pictures-7 "${MORE[@]}" train.learning_rate=5e-4 train.epochs=7

# From here two ways, four epochs each: on with coded pictures, or with a bottleneck, which begins with
# the principal components and learns from the other.
THREE=("${MORE[@]}" train.learning_rate=3e-4 train.epochs=3)
ONE=("${MORE[@]}" train.learning_rate=2.5e-4 train.epochs=1)
pictures 9 pictures-8 "${THREE[@]}"
pictures 10 pictures-9 "${ONE[@]}"
rate() { # SLICE START TEACHER DISPARITY'S WEIGHT WORDS...
    train "rate-$1" train.arm=rate loss.tasks.reconstruction.pressure=0.1 "train.start=$RUNS/$2" \
        "train.teacher=$RUNS/$3" "loss.distillation.segmentation={rule: log, pressure: 1}" \
        "loss.distillation.disparity={rule: log, pressure: $4}" 'train.coarse=[8,36]' \
        network.bottleneck=narrow network.bottleneck_channels=64 network.bits=12 network.step=0.0625 \
        loss.rate.pressure=0.08 train.entropy_learning_rate=3e-3 "${@:5}"
}
rate 1 pictures-8 pictures-8 0.5 "${THREE[@]}" train.bottleneck_start=principal
rate 2 rate-1 pictures-9 1 "${ONE[@]}"
$COFEAT fit $RUNS/rate-2 --images 1200

OURS=$(seq -s, -f cofeat-learned:%g 4 4 12),$(seq -s, -f cofeat-learned:%g 14 28)
measure rate-2 rate "$OURS,cofeat-learned:30,cofeat-learned:32" ""
CODED=$(printf jpeg:%s, 95 85 70 60 50 30 15)$(printf webp:%s, 90 80 70 60 50 35 20)
measure pictures-10 pictures "" "$CODED$(printf avif:%s, 70 60 58 57 56 55 50 45 40 30)avif:20"

# The paper's two arms, both on from one network with equal noise.
FEATURES=png,jpeg:98,jpeg:95,jpeg:90,jpeg:85,jpeg:80,jpeg:70,jpeg:60,jpeg:40,jpeg:20
NOISY=("${ALL[@]}" 'train.coarse=[4,32]')
arm() { # NAME START WORDS...
    train "$ENCODER-$1" "${NOISY[@]}" train.learning_rate=3e-4 train.epochs=3 "train.start=$RUNS/$2" "${@:3}"
    measure "$ENCODER-$1" "$1" $FEATURES ""
}
proposed() { # NAME START FORM PRESSURE SEGMENTATION'S WEIGHT RECONSTRUCTION'S
    arm "$1" "$2" train.arm=proposed "loss.compressibility={rule: log, pressure: $4, form: $3}" \
        "loss.tasks.segmentation.pressure=$5" "loss.tasks.reconstruction.pressure=$6"
}
arm baseline pictures-10 train.arm=baseline
proposed mean-0.1 pictures-10 scale_free 0.1 1 0.85
proposed bits-0.1 pictures-10 bits 0.1 0.5 0.5
proposed bits-0.3 pictures-10 bits 0.3 0.75 0.6
proposed bits-0.6 pictures-10 bits 0.6 1.25 0.75
proposed bits-0.9 pictures-10 bits 0.9 1.75 0.9

ENCODER=encoder1
train encoder1-start "${NOISY[@]}" train.learning_rate=6e-4 train.epochs=5 train.arm=baseline \
    "train.start=$RUNS/pictures-10"
arm baseline encoder1-start train.arm=baseline
proposed bits-0.3 encoder1-start bits 0.3 0.75 0.6
