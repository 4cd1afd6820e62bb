#!/bin/sh
# The shipped calibrations against the measured tables, where these lie beside the checkout: two files are fitted anew and
# must be the shipped ones but for the day, and every table is validated on at most 500 of its rows.
set -eu
cd "$(dirname "$0")/.."
tables=../shared/data/ops
[ -d "$tables" ] || { echo "$tables is absent: nothing is fitted anew"; exit 0; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
for file in h100_sxm/nccl-2.29.2 b60/oneccl-2021.17.2; do
    build/heng calibrate ops "$tables/$file" -o "$tmp" --quiet >/dev/null
    for data in "$tmp/$file.json" "data/calibration/$file.json"; do
        sed 's/"fitted":"[^"]*"//' "$data" >"$tmp/$(echo "$data" | tr / _)"
    done
    cmp "$tmp/$(echo "$tmp/$file.json" | tr / _)" "$tmp/$(echo "data/calibration/$file.json" | tr / _)"
done
build/heng validate ops "$tables" --rows 500 --quiet | sed -n '/^op /,$p'
