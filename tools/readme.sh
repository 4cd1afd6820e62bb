#!/bin/sh
# make readme: what the READMEs show of the program, as this build gives it, between markers on lines of their own:
# the error table, one run with its picture, and the speeds of the last `make bench | tee out/bench.txt`, if there is one;
# and docs/operators.md.
set -eu
cd "$(dirname "$0")/.."
mkdir -p out

# fill PAGE MARK FILE: the lines between <!-- MARK --> and <!-- end MARK --> become the file's.
fill() {
    for mark in "<!-- $2 -->" "<!-- end $2 -->"; do
        grep -qxF "$mark" "$1" || { echo "$1: lacks the line '$mark'" >&2; exit 1; }
    done
    awk -v begin="<!-- $2 -->" -v end="<!-- end $2 -->" -v file="$3" '
        $0 == begin { print; while ((getline line < file) > 0) print line; skip = 1 }
        $0 == end { skip = 0 }
        !skip && $0 != begin { print }' "$1" >"$1.part"
    mv "$1.part" "$1"
}

fenced() {
    printf '```\n'
    cat
    printf '```\n'
}

# The plot in characters goes (the picture shows it) and long lines are broken: a command so that a shell still takes it.
shorten() {
    awk '
        function broken(s, before, tail, indent,    n) {
            while (length(s) > 112) {
                for (n = 110; n > 40 && substr(s, n, length(before)) != before; n--);
                print substr(s, 1, n - 1) tail
                s = indent substr(s, n + 1)
            }
            print s
        }
        /^Pareto front/ { plot = 1; print "…" }
        plot && /^$/ { plot = 0 }
        plot { next }
        /^vllm serve/ { broken($0, " --", " \\", "    "); next }
        /^  [-A-Za-z]/ { broken($0, " ", "", "      "); next }
        { print }'
}

question="heng plan --model Qwen/Qwen3-32B --device h200_sxm --total-gpus 8 --workload chat \\
    --slo 'ttft:p90<1s,tpot:p90<40ms'"
PATH=$PWD/build:$PATH eval "$question --quiet --output out/readme --force" >out/plan.txt
{ echo "\$ $question"; shorten <out/plan.txt; } | fenced >out/run.md
tools/picture.py out/readme/plan.json docs/plan.svg

tools/operators.sh >out/operators.md
mv out/operators.md docs/operators.md

build/heng catalog accuracy >out/accuracy.md
sed '1s/.*/| 算子 | 表数 | 行数 | 平均误差 | 中位数 | 误差最大的表 |/' out/accuracy.md >out/accuracy.zh.md
build/heng catalog serving >out/serving.md
sed '1s/.*/| 运行 | 行数 | 已答 | 过载 | TPOT 中位 | 平均 | TTFT 中位 | 平均 |/' out/serving.md >out/serving.zh.md
# Some minutes: the host's terms are fitted anew.  Where the runs are not at hand the table stays as it is.
runs=${RUNS:-../shared/data/e2e/serving.csv}
if [ -f "$runs" ]; then
    build/heng validate serving "$runs" --leave-out configuration --picks --by mode,engine --json --quiet >out/picks.json
    tools/picks.py <out/picks.json >out/picks.md
    tools/picks.py zh <out/picks.json >out/picks.zh.md
    fill README.md picks out/picks.md
    fill README.zh.md picks out/picks.zh.md
fi
fill README.md serving out/serving.md
fill README.zh.md serving out/serving.zh.md
fill README.md accuracy out/accuracy.md
fill README.zh.md accuracy out/accuracy.zh.md
[ ! -s out/bench.txt ] || fenced <out/bench.txt >out/speed.md
for page in README.md README.zh.md; do
    fill "$page" run out/run.md
    [ ! -s out/bench.txt ] || fill "$page" speed out/speed.md
done
