#!/bin/sh
# Makes .venv and installs cofeat with the extras named by $1 (such as train or
# train,dev). Quick when nothing has changed; needs python3 with venv and pip.
set -eu
cd "$(dirname "$0")/.."
here=$(pwd -P)
extras=${1:?usage: tools/setup.sh EXTRAS}
python=${PYTHON:-python3}

fail() {
    echo "setup: $*" >&2
    exit 1
}

command -v "$python" >/dev/null || fail "there is no '$python': install Python 3.11 or later, or name it with PYTHON=..."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "$("$python" --version) is too old: install Python 3.11 or later, or name it with PYTHON=..."
# What a folder that was moved or copied holds runs the code of where it was.
clear=
made_in=$(cat .venv/.made-in 2>/dev/null || echo "$here")
if [ "$made_in" != "$here" ]; then
    echo "setup: making .venv anew, which was made in $made_in"
    clear=--clear
elif [ -e .venv/bin/python ] || [ -L .venv/bin/python ]; then
    .venv/bin/python -c '' 2>/dev/null || {
        echo "setup: making .venv anew, whose Python is gone"
        clear=--clear
    }
fi
if [ -n "$clear" ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    # shellcheck disable=SC2086  # one word or none
    "$python" -m venv $clear .venv >/dev/null 2>&1 ||
        fail "'$python -m venv' does not work: install it (Debian: apt-get install python3-venv)"
fi
echo "$here" >.venv/.made-in

# What is installed follows from these two files; the developers' set holds all but ray.
wanted=$(cat pyproject.toml constraints.txt | cksum)
set -- ".venv/.installed-$extras"
case ",$extras," in
*,ray,*) ;;
*) set -- "$@" .venv/.installed-codecs,train,dev ;;
esac
for stamp in "$@"; do
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
        exit 0
    fi
done
echo "setup: installing cofeat[$extras] into .venv"
# pip says much; what a reader needs of it is its first error.
log=.venv/pip.log
.venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[$extras]" \
    >"$log" 2>&1 ||
    fail "pip could not install the packages ($(sed -n 's/^ *ERROR: *//p' "$log" | head -n 1); all it said is in $log): is there a network? (docs/install.md tells how torch is had)"
echo "$wanted" >".venv/.installed-$extras"
