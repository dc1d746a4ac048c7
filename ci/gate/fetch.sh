#!/bin/sh
# fetch.sh URL DIRECTORY: downloads the archive of this version from a URL, in which {version} stands for the version, and unpacks
# its programs to DIRECTORY/bin. It fails if there is no archive for this machine or if the checksum is wrong; the gate then builds.
set -eu
url=$1
directory=$2

case $(uname -s)-$(uname -m) in
    Linux-x86_64) target=x86_64-unknown-linux-gnu ;;
    Linux-aarch64) target=aarch64-unknown-linux-gnu ;;
    *)
        echo "fetch.sh: there is no archive for $(uname -s) on $(uname -m)" >&2
        exit 1
        ;;
esac
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$(dirname "$0")/../../Cargo.toml")
name=gauntlet-$version-$target
url=$(printf '%s' "$url" | sed "s/{version}/$version/g")

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for file in "$name.tar.gz" "$name.tar.gz.sha256"; do
    curl --fail --silent --show-error --location --retry 2 --max-time 120 --output "$scratch/$file" "$url/$file"
done
(cd "$scratch" && sha256sum --check --quiet "$name.tar.gz.sha256")
mkdir -p "$directory/bin"
tar -xzf "$scratch/$name.tar.gz" -C "$scratch"
for program in harness chaos; do
    mv "$scratch/$name/$program" "$directory/bin/$program"
done
