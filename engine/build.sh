#!/bin/sh
# make engine: fetches llama.cpp's prebuilt CPU libraries by npm, takes its headers from the same package,
# builds the server and writes a model for it.  What is up to date is left alone.
#   engine/build.sh BUILD [CONFIG]
set -eu
cd "$(dirname "$0")/.."
build=$1
config=${2:-engine/config.json}
out=$build/engine
npm=$out/npm
libraries=$npm/node_modules/@node-llama-cpp/linux-x64/bins/linux-x64
bundle=$npm/node_modules/node-llama-cpp/llama/gitRelease.bundle

fail() {
    echo "make engine: $1" >&2
    exit 1
}

for tool in npm git cc; do
    command -v $tool >/dev/null 2>&1 || fail "$tool is missing; install it (Debian: apt-get install npm git gcc)"
done
[ "$(uname -sm)" = 'Linux x86_64' ] || fail "the prebuilt libraries are for Linux on x86_64; this is $(uname -sm)"
mkdir -p "$npm"

if ! cmp -s engine/package-lock.json "$npm/installed"; then
    echo "engine: npm ci (some 85 MB)"
    rm -rf "$out/include" "$npm/installed"
    cp engine/package.json engine/package-lock.json "$npm/"
    (cd "$npm" && npm ci --omit=optional --ignore-scripts --no-audit --no-fund >npm.log 2>&1) ||
        { tail -5 "$npm/npm.log" >&2; fail "npm could not install; is its registry within reach? ($npm/npm.log)"; }
    [ -f "$bundle" ] || fail "$bundle is missing: the package is laid out anew"
    cp engine/package-lock.json "$npm/installed"
fi

library=$(basename "$(ls "$libraries"/libllama.v*.so 2>/dev/null | head -1)")
ggml=$(basename "$(ls "$libraries"/libggml.v*.so 2>/dev/null | head -1)")
[ -n "$library" ] && [ -n "$ggml" ] || fail "$libraries holds no libllama and libggml; remove $npm and try again"

if [ ! -f "$out/include/llama.h" ]; then
    echo "engine: headers"
    rm -rf "$out/llama.git" "$out/include.part"
    mkdir -p "$out/include.part"
    git clone -q --bare "$bundle" "$out/llama.git" 2>"$npm/git.log" || fail "the headers' bundle cannot be read ($npm/git.log)"
    for folder in include ggml/include; do
        git --git-dir "$out/llama.git" archive HEAD:$folder | tar -x -C "$out/include.part"
    done
    rm -rf "$out/llama.git"
    mv "$out/include.part" "$out/include"
fi

if [ ! -x "$out/server" ] || [ -n "$(find engine "$out/include" "$build/libheng.a" "$npm/installed" -newer "$out/server" -type f)" ]; then
    echo "engine: server"
    cc -std=c17 -O2 -g -Wall -Wextra -Wpedantic -Werror -Wshadow -Wstrict-prototypes -D_DEFAULT_SOURCE -D_POSIX_C_SOURCE=200809L \
        "-DENGINE_LIBRARIES=\"$(realpath "$libraries")\"" -Isrc -Iinclude -isystem "$out/include" \
        engine/server.c engine/answer.c engine/batch.c engine/batch_open.c engine/request.c engine/http.c engine/http_parse.c engine/knobs.c \
        "$build/libheng.a" -ljansson -lz -lm "-L$libraries" "-l:$library" "-l:$ggml" -l:libggml-base.so \
        "-Wl,-rpath,$(realpath "$libraries")" -o "$out/server.part"
    mv "$out/server.part" "$out/server"
fi

# A config.json by what it holds, an id of the catalogue by its name.
if [ -f "$config" ]; then wanted=$(cat "$config"); else wanted=$config; fi
if [ ! -f "$out/model.gguf" ] || [ "$out/gguf" -nt "$out/model.gguf" ] || [ "$wanted" != "$(cat "$out/model.of" 2>/dev/null)" ]; then
    echo "engine: model"
    rm -f "$out/model.of"
    "$out/gguf" --config "$config" -o "$out/model.gguf" --force
    echo "$wanted" >"$out/model.of"
fi
echo "$out/server --model $out/model.gguf"
