#!/bin/sh
# The documents against the code: every verb, word and alias has its place in the manual, every operator in
# docs/operators.md, every field and column that is read or written in docs/formats.md, every link leads somewhere, and what the manual describes exists.
cd "$(dirname "$0")/.." || exit 1
bad=0
complain() {
    echo "$1" >&2
    bad=1
}

plain() { sed 's/\\-/-/g; s/\\(aq/'"'"'/g' "$1"; }

for verb in $(sed -n 's/^VERB(\([a-z_]*\)).*/\1/p' src/api/verbs.def); do
    plain man/heng.1 | grep -Eq "^\.(B|BI) \"?$verb( |$)" || complain "man/heng.1: the verb $verb is missing"
done

words=$(sed -n 's/^[A-Z]*(\([a-z_]*\),.*/\1/p' src/spec/scenario.def)
for word in $words; do
    plain man/heng-scenario.5 | grep -Eq "^\.BI? \"$word: " || complain "man/heng-scenario.5: the word $word is missing"
done
for word in $(plain man/heng-scenario.5 | sed -n 's/^\.BI* "\([a-z_]*\): .*/\1/p'); do
    echo "$words" | grep -qx "$word" || complain "man/heng-scenario.5: $word is no word of scenario.def"
done
for word in $(plain man/heng.1 | grep -o -- '--[a-z][a-z-]*[a-z]' | sed 's/^--//; s/-/_/g' | sort -u); do
    echo "$words word no" | tr ' ' '\n' | grep -qx "$word" || complain "man/heng.1: --$word is no word of scenario.def"
done
for alias in $(sed -n '/aliases\[\] = {/,/^};/s/^ *{ "\([a-z_]\{3,\}\)".*/\1/p' src/spec/scenario.c); do
    plain man/heng-scenario.5 | grep -q "$alias" || complain "man/heng-scenario.5: the alias $alias is missing"
done

fields=$(grep -oh 'hg_json_key[a-z_]*([^,]*, "[a-z_0-9]*"' src/api/*.c | sed 's/.*"\(.*\)"/\1/' | sort -u
    sed -n 's/.*HG_[A-Z]*(hg_device, [a-z_A-Z\[0-9]*\]*, "\([a-z_0-9.]*[a-z0-9]\)".*/\1/p
            s/.*TENSOR([A-Z0-9_]*, "\([a-z_0-9]*\)".*/compute.\1/p' src/spec/device.c)
for field in $fields; do
    grep -wqF "$field" docs/formats.md || complain "docs/formats.md: the field $field is missing"
done
for op in $(sed -n 's/^    \.name = "\([a-z_0-9]*\)".*/\1/p' src/cost/op_*.c); do
    grep -q "^## $op: " docs/operators.md || complain "docs/operators.md: the operator $op is missing; run 'make readme'"
done
for rule in $(sed -n 's/^RULE(\([a-z0-9_]*\),.*/\1/p' src/explain/rules.def | tr _ -); do
    grep -q "^| \`$rule\` |" docs/lint.md || complain "docs/lint.md: the rule $rule is missing"
done
sources=$(cat src/api/*.c | tr -d '"\n ')
sed -n '/^```csv/,/^```$/p' docs/formats.md | grep '^[a-z0-9_,]*$' | grep , | while read -r header; do
    case $header in *latency_ms*) continue ;; esac
    case $sources in *"$header"*) ;; *) echo "docs/formats.md: no code writes the columns $header" ;; esac
done | grep . >&2 && bad=1

for page in $(git ls-files '*.md'); do
    for link in $(grep -o '](\([^)# ]*\)' "$page" | sed 's/^](//' | grep -v '^[a-z]*:'); do
        [ -e "$(dirname "$page")/$link" ] || complain "$page: the link to $link leads nowhere"
    done
done

exit $bad
