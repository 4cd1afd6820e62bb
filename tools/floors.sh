#!/bin/sh
# The direction of the arrows: a folder includes itself and lower floors, never a neighbour.
cd "$(dirname "$0")/.." || exit 1
stray=$(grep -no '^#include "[a-z]*/' engine/*.[ch] | grep -v '"base/$\|"spec/$' | sed 's/:#.*"\(.*\)/: engine must not see \1/')
[ -z "$stray" ] || { echo "$stray"; exit 1; }
floors='base 0
spec 1
measure 2
cost 2
engine 3
sim 3
eval 4
fit 5
probe 5
search 5
explain 5
live 5
tune 6
api 7
page 8'
grep -rno '^#include "[a-z]*/' src --include='*.[ch]' |
    sed -E 's|^src/([a-z]*)/([^:]*):([0-9]*):#include "([a-z]*)/|\1 \4 src/\1/\2:\3|' |
    awk -v floors="$floors" '
        BEGIN { n = split(floors, row, "\n"); for (i = 1; i <= n; i++) { split(row[i], f, " "); floor[f[1]] = f[2] } }
        !($1 in floor) || !($2 in floor) { print $3 ": unknown folder " $1 " or " $2; bad = 1; next }
        $1 != $2 && floor[$2] >= floor[$1] { print $3 ": " $1 " must not see " $2; bad = 1 }
        END { exit bad }'
