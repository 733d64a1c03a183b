#!/bin/sh
# Installs the system packages that are missing: with apt-get, as root or through sudo. Elsewhere it prints their names
# and stops with exit code 6. Looks for commands first, so that nothing is asked of apt on a machine that has them.
#   packages.sh PYTHON [test]    test: also what only the project's own tests use
set -eu

python=$1
missing=""

lacks() { # lacks PACKAGE COMMAND...: the package is missing when the command fails
    package=$1
    shift
    "$@" >/dev/null 2>&1 || missing="$missing $package"
}

has_newlib() { [ -e "$(arm-none-eabi-gcc -print-file-name=nano.specs)" ]; }

lacks python3-venv "$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))'
lacks gcc command -v gcc
lacks libc6-dev sh -c 'echo "#include <stdio.h>" | gcc -E -'
lacks make command -v make
lacks qemu-system-arm command -v qemu-system-arm
lacks gcc-arm-none-eabi command -v arm-none-eabi-gcc
lacks libnewlib-arm-none-eabi has_newlib
lacks libpcap0.8 "$python" -c 'import ctypes; ctypes.CDLL("libpcap.so.0.8")'
lacks util-linux sh -c 'command -v setpriv && command -v nsenter'
if [ "${2:-}" = test ]; then
    lacks tshark command -v tshark # another reader of the captures than the one that wrote them
    # Peers that are none of Python's. Without them the tests that want one are skipped.
    lacks nginx-light sh -c '[ -x /usr/sbin/nginx ] || command -v nginx'
    lacks vsftpd sh -c '[ -x /usr/sbin/vsftpd ] || command -v vsftpd'
    lacks libwebsockets-test-server command -v libwebsockets-test-server
fi

[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "RIG-T01 missing on this machine:$missing" >&2
    echo "  These are the Debian names of the packages; install them with this system's package manager, then repeat." >&2
    exit 6
fi

as_root=""
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "RIG-T01 missing on this machine:$missing" >&2
        echo "  fix: as root, apt-get install -y --no-install-recommends$missing" >&2
        exit 6
    fi
    as_root="sudo"
fi

echo "installing system packages:$missing"
export DEBIAN_FRONTEND=noninteractive
# The packages of nginx and vsftpd would start servers of this machine's; the rig runs its own. Debian asks this file before it starts a service.
policy=/usr/sbin/policy-rc.d
case $missing in
*nginx* | *vsftpd*)
    if [ ! -e "$policy" ]; then
        trap '$as_root rm -f "$policy"' EXIT
        printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
        $as_root chmod +x "$policy"
    fi
    ;;
esac
# shellcheck disable=SC2086
$as_root apt-get update -qq
# shellcheck disable=SC2086
$as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null || {
    echo "RIG-T01 apt-get could not install:$missing" >&2
    echo "  fix: read its message above; 'apt-get install -y$missing' shows it in full" >&2
    exit 6
}
