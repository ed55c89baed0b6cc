#!/usr/bin/env bash
# Run a Python script on emulated aarch64 and count its instructions between marks (os.getsid(0) in the script is a mark).
#   arm-count.sh [--plain] ROOT CPU SCRIPT [ARG ...]     --plain: without counting, about twice as fast
#   ROOT: made by arm-root.sh; CPU: cortex-a53 (Pi Zero 2 W, Pi 3) | cortex-a72 (Pi 4) | cortex-a76 (Pi 5)
# SCRIPT's path is as this machine sees it; PYTHONPATH reaches it as well. Needs root, gcc and Debian's qemu-user (its
# static build has no plugins).
set -euo pipefail
plain=""; [ "${1:-}" = --plain ] && { plain=yes; shift; }
ROOT=$(realpath "${1:?usage: arm-count.sh [--plain] ROOT CPU SCRIPT [ARG ...]}"); CPU=${2:?CPU}; SCRIPT=$(realpath "${3:?SCRIPT}"); shift 3
here=$(cd "$(dirname "$0")" && pwd)
plugin=()
if [ -z "$plain" ]; then
  lib=$ROOT.libarmcount.so
  [ "$lib" -nt "$here/arm_count.c" ] || gcc -O2 -shared -fPIC -o "$lib" "$here/arm_count.c"
  plugin=(-plugin "$lib")
fi
# /sys is hidden: with the host's x86 /sys in sight, importing onnxruntime crashes.
exec unshare -m bash -c 'mount -t tmpfs none /sys; exec env PYTHONPATH="$1/opt/site${PYTHONPATH:+:$PYTHONPATH}" qemu-aarch64 "${@:2}"' \
  _ "$ROOT" -cpu "$CPU" -L "$ROOT" "${plugin[@]}" "$ROOT/usr/bin/python3.11" "$SCRIPT" "$@"
