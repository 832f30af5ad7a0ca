#!/bin/bash
# Python as root, in the environment that a PYNQ image gives to Jupyter:
#
#   bash run.sh              the self-test of this folder
#   bash run.sh FILE ...     a script of yours; it finds the driver of this folder
[ -n "$BASH_VERSION" ] || exec bash "$0" "$@"

profile=/etc/profile.d
here=$(cd "$(dirname "$0")" && pwd) || exit 2

if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "error: pynq needs root, and there is no sudo: log in as root, then bash $0" >&2
    exit 2
  fi
  echo "pynq needs root: asking sudo" >&2
  exec sudo bash "$here/run.sh" "$@"
fi

# The first enters pynq's virtual environment, the second says where XRT is, which pynq finds no
# device without; an image without them is told so by what follows.
for name in pynq_venv xrt_setup boardname; do
  if [ -f "$profile/$name.sh" ]; then
    . "$profile/$name.sh"
  fi
done

export PYTHONPATH="$here${PYTHONPATH:+:$PYTHONPATH}"
if [ $# -gt 0 ]; then
  exec python3 "$@"
fi
cd "$here" || exit 2
exec python3 -m firebrick.host.selftest
