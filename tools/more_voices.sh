#!/bin/sh
# Fills a folder with recorded speech of some 55 people out of Debian packages, in two halves of speakers, for
# measures to be held against: tools/more_voices.sh FOLDER, then DIAG_VOICES=FOLDER make accuracy. Installs nothing and needs
# no root: packages (377 MB) are downloaded with apt-get and unpacked into a temporary folder. Their licences
# (see FOLDER/README.md) are not the project's, so keep FOLDER outside of the repository.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
python="$here/../.venv/bin/python"

fail() {
  echo "more_voices: $1" >&2
  exit 1
}

[ $# = 1 ] || fail "needs one argument, the folder to fill: tools/more_voices.sh ../voices"
mkdir -p "$1"
folder=$(cd "$1" && pwd)
[ ! -e "$folder/development" ] && [ ! -e "$folder/held_out" ] \
  || fail "$folder holds voices already; name another folder, or remove development and held_out in it"
for command in apt-get dpkg-deb ffmpeg; do
  command -v "$command" >/dev/null 2>&1 || fail "found no $command; this needs Debian or a relative of it, and its package ffmpeg"
done
[ -x "$python" ] || fail "found no .venv; run make setup first"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
packages=$(sed -n 's/.*{ package = "\([^"]*\)".*/\1/p' "$here/more_voices.toml" | sort -u)
for package in $packages; do
  echo "more_voices: $package"
  mkdir -p "$work/$package"
  (cd "$work" && apt-get -qq download "$package") \
    || fail "apt-get could not download $package; run apt-get update, and see that the package exists in your release"
  dpkg-deb -x "$work/${package}"_*.deb "$work/$package"
  rm "$work/${package}"_*.deb
done
echo "more_voices: cutting (some minutes)"
"$python" "$here/cut_voices.py" "$work" "$folder"
echo "more_voices: done; use them with DIAG_VOICES=$folder make accuracy"
