#!/usr/bin/env bash
# Encoder2 (ResNet-34 without its last stage) from scratch, with another seed and by a shorter way than in
# small_encoders.sh: 3,000 street scenes from the first, at half the size and then whole; some seventeen hours on
# two cores. A network for coded pictures, four with a bottleneck and a learned rate, the paper's two arms, those
# of Encoder1 too.
# Goes on where it was stopped; measured on scenes of seed 2, some of it on those of seeds 3 and 4 too.
set -euo pipefail
cd "$(dirname "$0")/.."
COFEAT=.venv/bin/cofeat
RUNS=runs/encoder2-again
DATA=$RUNS/train
TEST=$RUNS/test
CHOICE=$RUNS/choice
MANY=$RUNS/many
OUT=results/encoder2-again

$COFEAT data streets $DATA --train 3000 --val 200 --size 256x128 --seed 1
$COFEAT data streets $TEST --train 1 --val 200 --size 256x128 --seed 2
$COFEAT data streets $CHOICE --train 1 --val 800 --size 256x128 --seed 3
$COFEAT data streets $MANY --train 1 --val 1000 --size 256x128 --seed 4
ENCODER=encoder2
train() { # NAME THREADS WORDS...
    OMP_NUM_THREADS=$2 $COFEAT train recipes/streets-$ENCODER.yaml data.root=$DATA data.size=256x128 \
        data.train=3000 data.val=200 train.seed=1 train.batch=8 machine.threads="$2" machine.precision=bf16-mixed \
        "loss.tasks.segmentation={rule: log, pressure: 1}" "loss.tasks.disparity={rule: log, pressure: 1}" \
        "loss.tasks.reconstruction={rule: log, pressure: 0.1}" "${@:3}" -o "$RUNS/$1"
}
measure() { # RUN NAME CODECS PICTURES [SCENES]
    [ -e "$OUT/$2/points.csv" ] ||
        OMP_NUM_THREADS=1 $COFEAT eval "$RUNS/$1" --data "${5:-$TEST}" -o "$OUT/$2" --codecs "$3" --pictures "$4"
}

# Scenes of half the size take a third of the time.
CODED='train.pictures=[none,"avif:40","jpeg:50",none,"webp:50","avif:20"]'
train half 2 train.arm=baseline data.name=cityscapes data.size=128x64 train.epochs=15 train.validate_epochs=5
train pictures-1 2 train.arm=baseline "$CODED" train.start=$RUNS/half train.learning_rate=8e-4 \
    train.epochs=11 train.validate_epochs=3

# From here two ways, four epochs and then three each: on with coded pictures, or with a bottleneck, which
# begins with the principal components and learns from the other.
FOUR=(train.freeze_batch_norm=true train.learning_rate=3e-4 train.epochs=4 train.validate_epochs=2)
THREE=(train.freeze_batch_norm=true train.learning_rate=4e-4 train.epochs=3 train.validate_epochs=1)
pictures() { # SLICE WORDS...
    train "pictures-$1" 1 train.arm=baseline "$CODED" "train.start=$RUNS/pictures-$(($1 - 1))" "${@:2}"
}
rate() { # SLICE START TEACHER RATE'S WEIGHT WORDS...
    train "rate-$1" 1 train.arm=rate "train.start=$RUNS/$2" "train.teacher=$RUNS/$3" \
        "loss.distillation.segmentation={rule: log, pressure: 1}" \
        "loss.distillation.disparity={rule: log, pressure: 1.5}" network.bottleneck=narrow \
        network.bottleneck_channels=64 network.bits=12 network.step=0.0625 "loss.rate.pressure=$4" \
        train.entropy_learning_rate=3e-3 "${@:5}"
}
pictures 2 "${FOUR[@]}"
rate 1 pictures-1 pictures-1 0.08 'train.coarse=[8,40]' train.bottleneck_start=principal "${FOUR[@]}"
pictures 3 "${THREE[@]}"
rate 2 rate-1 pictures-2 0.06 'train.coarse=[6,36]' "${THREE[@]}"
$COFEAT fit $RUNS/rate-2 --images 1200
OURS=$(seq -s, -f cofeat-learned:%g 4 4 12),$(seq -s, -f cofeat-learned:%g 14 28)
measure rate-2 rate "$OURS,cofeat-learned:30,cofeat-learned:32" ""
PICTURES=$(printf jpeg:%s, 85 70 60 50 40 30)$(printf webp:%s, 85 80 75 70 65 60 50 35)
PICTURES+=$(printf avif:%s, 65 62 60 59 58 57 56 55 54 53 52 50 48 46 44 42)avif:40
measure pictures-3 pictures "" "$PICTURES"

# Five epochs more for the picture's network, and then for both ways, the bottleneck begun anew at the
# later network with three quarters of its components in place of a quarter.
FIVE=(train.freeze_batch_norm=true train.learning_rate=4e-4 train.epochs=5 train.validate_epochs=1)
pictures 4 "${FIVE[@]}"
pictures 5 "${FIVE[@]}"
rate wide pictures-4 pictures-4 0.08 'train.coarse=[4,36]' train.bottleneck_start=principal \
    network.bottleneck_channels=192 loss.distillation.segmentation.pressure=1.5 \
    loss.distillation.disparity.pressure=2 "${FIVE[@]}"
$COFEAT fit $RUNS/rate-wide --images 1200
OURS=cofeat-learned:8,cofeat-learned:12,$(seq -s, -f cofeat-learned:%g 14 26)
measure rate-wide late/rate "$OURS,cofeat-learned:28,cofeat-learned:30" ""
measure pictures-5 late/pictures "" "$PICTURES"

# Twelve epochs more for the picture's network, in two slices, and as many for a bottleneck of 64 channels
# begun where they begin. The second slice gives an average of the weights.
SIX=("${FIVE[@]}" train.epochs=6)
MEAN=("${SIX[@]}" train.learning_rate=3e-4 train.average=0.995)
FIRMLY=(loss.distillation.segmentation.pressure=1.5 loss.distillation.disparity.pressure=2.5)
pictures 6 "${SIX[@]}"
pictures 7 "${MEAN[@]}"
rate long-1 pictures-5 pictures-5 0.12 'train.coarse=[8,36]' train.bottleneck_start=principal \
    "${FIRMLY[@]}" "${SIX[@]}"
rate long-2 rate-long-1 pictures-6 0.06 'train.coarse=[6,32]' loss.rate.hidden=64 "${FIRMLY[@]}" "${MEAN[@]}"
$COFEAT fit $RUNS/rate-long-2 --images 1200
measure rate-long-2 long/rate "$OURS,cofeat-learned:28,cofeat-learned:30" ""
measure pictures-7 long/pictures "" "$PICTURES"
# Down to where 5 % of its accuracy are lost.
LOW=avif:38,avif:36,avif:34,avif:32,avif:30
measure pictures-7 long/pictures-low "" $LOW

# Eleven epochs more, again in two slices; the bottleneck's way back gets residual blocks in the cloud.
LESS=("${MEAN[@]}" train.learning_rate=2e-4)
DEEP=(network.bottleneck=deep loss.rate.hidden=64 "${FIRMLY[@]}" loss.distillation.disparity.pressure=3)
pictures 8 "${LESS[@]}"
pictures 9 "${LESS[@]}" train.epochs=5
rate deep-1 rate-long-2 pictures-7 0.04 'train.coarse=[4,24]' "${DEEP[@]}" "${MEAN[@]}"
rate deep-2 rate-deep-1 pictures-8 0.04 'train.coarse=[4,24]' "${DEEP[@]}" loss.tasks.disparity.pressure=2 \
    "${LESS[@]}" train.epochs=5
$COFEAT fit $RUNS/rate-deep-2 --images 1200
measure rate-deep-2 deep/rate "$OURS,cofeat-learned:28,cofeat-learned:30" ""
measure pictures-9 deep/pictures "" "$PICTURES"
measure pictures-9 deep/pictures-low "" $LOW
# A control: the same blocks between the encoder and the heads of the picture's network, nothing cut off.
train pictures-deep 1 train.arm=baseline "$CODED" train.start=$RUNS/pictures-8 network.bottleneck=deep \
    network.bottleneck_channels=256 train.bottleneck_start=principal "${LESS[@]}" train.epochs=5
measure pictures-deep deep/control "" "$(printf avif:%s, 62 60 58 57 55 53 50 48 46 44 42)avif:36"
measure pictures-deep deep/control-others "" jpeg:60,jpeg:50,jpeg:40,webp:80,webp:75,webp:60,webp:50

# The paper's two arms, on from the same network with equal noise; twice for Encoder2, the second time from a
# better network, and for Encoder1, which begins with that one's first three stages.
FEATURES=png,jpeg:98,jpeg:95,jpeg:90,jpeg:85,jpeg:80,jpeg:70,jpeg:60,jpeg:40,jpeg:20
PLACE= START=pictures-1 EACH=('train.coarse=[4,32]')
arm() { # NAME WORDS...
    train "${PLACE/\//-}$1" 1 "train.start=$RUNS/$START" train.freeze_batch_norm=true train.learning_rate=3e-4 \
        "${EACH[@]}" train.epochs=3 train.validate_epochs=3 "${@:2}"
    measure "${PLACE/\//-}$1" "$PLACE$1" $FEATURES ""
}
weights() { # SEGMENTATION'S DISPARITY'S RECONSTRUCTION'S
    printf 'loss.tasks.%s.pressure=%s\n' segmentation "$1" disparity "$2" reconstruction "$3"
}
plain() { # NAME WEIGHTS...: without L_c
    # shellcheck disable=SC2046  # one word a weight
    arm "$1" train.arm=baseline $(weights "${@:2}")
}
proposed() { # NAME FORM PRESSURE WEIGHTS...
    # shellcheck disable=SC2046
    arm "$1" train.arm=proposed "loss.compressibility={rule: log, pressure: $3, form: $2}" $(weights "${@:4}")
}
start() { # NAME WORDS...: Encoder1, begun with the first three stages of the last network for pictures
    # shellcheck disable=SC2046
    train "$1" 1 train.arm=baseline train.start=$RUNS/pictures-9 train.learning_rate=8e-4 train.epochs=5 \
        train.validate_epochs=1 $(weights 0.5 0.5 0.5) "${@:2}"
}
plain baseline 0.5 0.5 0.5
proposed bits-0.25 bits 0.25 0.95 0.52 0.78
proposed mean-0.15 scale_free 0.15 1.12 0.56 0.85
proposed mean-0.1 scale_free 0.1 1 0.6 0.72

PLACE=later/ START=pictures-9
plain baseline 0.5 0.5 0.5
proposed bits-0.25 bits 0.25 0.85 0.52 0.68
proposed bits-0.27 bits 0.27 1.5 0.58 0.85
proposed bits-0.35 bits 0.35 2.2 0.68 1.15
proposed bits-0.38 bits 0.38 2.45 0.725 1.29
# Those of bits-0.35 without L_c.
plain baseline-weights 2.2 0.68 1.15

ENCODER=encoder1 PLACE=encoder1/ START=encoder1-start
start encoder1-start 'train.coarse=[4,32]'
plain baseline 0.5 0.5 0.5
proposed bits-0.1 bits 0.1 0.62 0.5 0.56

# Three epochs more, each arm on from itself, with an average of the weights.
EACH+=(train.average=0.995)
PLACE=encoder1-longer/ START=encoder1-baseline
plain baseline 0.5 0.5 0.5
START=encoder1-bits-0.1
proposed bits-0.11 bits 0.11 1.1 0.68 0.9

# And three with the paper's own noise, one step: on from these, and from a start without wider noise.
EACH=('train.coarse=[1,1]' train.average=0.995)
PLACE=encoder1-fine/ START=encoder1-longer-baseline
plain baseline 0.5 0.5 0.5
plain baseline-weights 1.1 0.95 1
START=encoder1-longer-bits-0.11
proposed bits-0.12 bits 0.12 1.1 0.95 0.9
proposed bits-0.04 bits 0.04 1.1 0.95 1
PLACE=encoder1-anew/ START=encoder1-anew-start
start encoder1-anew-start 'train.coarse=[1,1]'
plain baseline 0.5 0.5 0.5
proposed bits-0.05 bits 0.05 1.1 0.95 1

EACH=('train.coarse=[4,32]' train.average=0.995)
ENCODER=encoder2 PLACE=longer/ START=later-baseline
plain baseline 0.5 0.5 0.5
START=later-bits-0.35
proposed bits-0.4 bits 0.4 2.2 0.7 1.35
proposed bits-0.42 bits 0.42 2.2 0.85 1.2
START=later-baseline-weights
plain baseline-weights 2.2 0.85 1.2
# The paper's points on other scenes: those that weights were chosen on, and many that nothing was.
POINTS=png,jpeg:95,jpeg:90,jpeg:85,jpeg:80
for name in baseline bits-0.25; do
    measure $name choice/$name $POINTS "" $CHOICE
done
for name in later/{baseline,bits-0.35,bits-0.38} longer/{baseline,bits-0.4,bits-0.42} \
    encoder1-fine/{baseline,bits-0.12,bits-0.04}; do
    measure "${name/\//-}" "${name/\///choice/}" $POINTS "" $CHOICE
done
for name in longer/{baseline,bits-0.42,baseline-weights} encoder1-fine/{baseline,bits-0.04,baseline-weights}; do
    measure "${name/\//-}" "${name/\///many/}" $POINTS "" $MANY
done
