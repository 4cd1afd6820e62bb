#!/bin/sh
# docs/operators.md on standard output: what the program says of its operators, and beside each the file that counts it.
set -eu
cd "$(dirname "$0")/.."
build/heng catalog operators | awk '
    function source(name,    command, file) {
        command = "grep -lF \".name = \\\"" name "\\\"\" src/cost/op_*.c"
        command | getline file
        close(command)
        return file
    }
    { print }
    /^## / { name = $2; sub(/:$/, "", name); file = source(name) }
    file && /^$/ { printf "- Source: [%s](../%s)\n", file, file; file = "" }'
