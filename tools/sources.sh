#!/bin/sh
# The C files below a folder of the checkout, sorted, one a line: meson has no globs.
cd "$(dirname "$0")/.." && find "$1" -name '*.c' ! -path '*/fuzz/*' ! -path '*/fake/*' | LC_ALL=C sort
