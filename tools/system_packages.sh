#!/bin/sh
# Puts the system packages in place that virtual audio needs, where root or passwordless sudo allows; else says what to
# install. With `browser` as argument, Chromium too, which the tests of pages use. Never removes a package, and never fails
# for lack of one: what works without them goes on.
set -u

missing=""

have_file() {
  for file in "$@"; do
    [ -e "$file" ] && return 0
  done
  return 1
}

need() { missing="$missing $1"; }

have_file /usr/lib/libportaudio.so.2 /usr/lib/*/libportaudio.so.2 /usr/lib64/libportaudio.so.2 /usr/local/lib/libportaudio.so.2 \
  || need libportaudio2
have_file /usr/lib/alsa-lib/libasound_module_pcm_pulse.so /usr/lib/*/alsa-lib/libasound_module_pcm_pulse.so \
  /usr/lib64/alsa-lib/libasound_module_pcm_pulse.so || need libasound2-plugins
command -v pulseaudio >/dev/null 2>&1 || need pulseaudio
"${PYTHON:-python3}" -c 'import ensurepip, venv' >/dev/null 2>&1 || need python3-venv
if [ "${1:-}" = browser ]; then
  command -v chromium >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 || need chromium
  # The program that drives the browser, which Playwright brings along, needs it.
  have_file /usr/lib/libatomic.so.1 /usr/lib/*/libatomic.so.1 /usr/lib64/libatomic.so.1 || need libatomic1
fi

[ -z "$missing" ] && exit 0

explain() {
  echo "setup: not installed:$missing ($1)"
  echo "setup: to install them: sudo apt-get install --no-remove --no-install-recommends$missing"
  case "$missing" in
    *pulse* | *portaudio*)
      echo "setup: going on; without them \`--audio virtual\` and \`--audio system\` do not work, \`--audio wire\` does." ;;
    *) echo "setup: going on without them." ;;
  esac
}

if ! command -v apt-get >/dev/null 2>&1; then
  explain "no apt-get here; look for packages of these names"
  exit 0
fi
if [ "$(id -u)" = 0 ]; then
  as_root="env"
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
  as_root="sudo -n env"
else
  explain "installing needs root, or sudo without a password"
  exit 0
fi

apt() { $as_root DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" </dev/null; }
log=$(mktemp)
install() { apt install -y --no-remove --no-install-recommends $missing >"$log" 2>&1; }

echo "setup: installing system packages:$missing"
if ! install && ! { apt update >"$log" 2>&1 && install; }; then
  tail -n 5 "$log"
  explain "apt-get could not install them"
fi
rm -f "$log"
exit 0
