#!/bin/sh
# make readme: the error table between the markers of README.md and README.zh.md, as this build prints it.
set -eu
cd "$(dirname "$0")/.."
table=$(build/heng catalog accuracy)
for page in README.md README.zh.md; do
    awk -v table="$table" '
        /<!-- accuracy -->/ { print; print table; skip = 1 }
        /<!-- end accuracy -->/ { skip = 0 }
        !skip && !/<!-- accuracy -->/ { print }' "$page" >"$page.part"
    mv "$page.part" "$page"
done
