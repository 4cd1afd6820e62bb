#!/bin/sh
# make check: the arrows of the house, documents against the code, every header alone, sanitizers over all tests,
# calibrations against their tables, fuzzers, static analysis.
# FUZZ_S: seconds for each fuzzer.
set -eu
cd "$(dirname "$0")/.."
FUZZ_S=${FUZZ_S:-20}

echo '== floors'
tools/floors.sh

echo '== documents'
tools/docs_check.sh

echo '== headers compile alone'
for h in $(git ls-files 'src/*.h' 'include/*.h' 'engine/*.h' | grep -v engine/batch_parts.h); do
    printf '#include "%s"\n' "$h" | gcc -std=c17 -D_DEFAULT_SOURCE -fsyntax-only -Isrc -Iinclude -I. -x c - || exit 1
done

echo '== sanitizers (clang: address, undefined)'
[ -f build-san/build.ninja ] || CC=clang meson setup build-san -Dbuildtype=debugoptimized \
    -Db_sanitize=address,undefined -Db_lundef=false >/dev/null
meson setup --reconfigure build-san >/dev/null
ninja -C build-san --quiet heng heng-test
HENG=build-san/heng UBSAN_OPTIONS=halt_on_error=1 build-san/heng-test

echo '== two tables fitted anew, all validated'
make --no-print-directory all
tools/refit.sh

echo '== fuzzers'
flags='-g -O1 -std=c17 -D_DEFAULT_SOURCE -D_POSIX_C_SOURCE=200809L -DHENG_VERSION=__FILE__ -fno-sanitize-recover=undefined -Isrc -Iinclude -Itest'
objects=build-san/fuzz
rm -rf "$objects"
mkdir -p "$objects"
# The library once for all of them.
for source in $(tools/sources.sh src) build-san/embedded.S; do
    echo "$source $objects/$(echo "${source%.*}" | tr / _).o"
done | xargs -P "$(nproc)" -L 1 sh -c 'clang $0 -fsanitize=fuzzer-no-link,address,undefined -c "$1" -o "$2"' "$flags"
for source in test/fuzz/fuzz_*.c; do
    name=$(basename "$source" .c)
    mkdir -p "build-san/corpus/$name"
    clang $flags -fsanitize=fuzzer,address,undefined "$source" "$objects"/*.o -o "build-san/$name" \
        -ljansson -lfyaml -lnghttp2 -lssl -lcrypto -lsqlite3 -lz -lm -pthread
    "build-san/$name" -max_total_time="$FUZZ_S" -max_len=65536 -rss_limit_mb=4096 -timeout=20 -print_final_stats=0 -verbosity=0 \
        "build-san/corpus/$name" >"build-san/$name.log" 2>&1 || { tail -40 "build-san/$name.log"; exit 1; }
    echo "$name ok"
done

if command -v cppcheck >/dev/null 2>&1; then
    echo '== cppcheck'
    cppcheck --quiet --error-exitcode=1 --enable=warning,portability --inline-suppr \
        --suppress=missingIncludeSystem --suppress=nullPointerOutOfMemory -Isrc -Iinclude src cmd engine
fi
echo 'check passed'
