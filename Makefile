# A thin face on meson.  `make` alone builds build/heng.
BUILD ?= build
TABLES ?= ../shared/data/ops
RUNS ?= ../shared/data/e2e/serving.csv
CONFIG ?= engine/config.json
TUNED ?= bench/tune/grid.csv
SOURCES := $(shell for d in src cmd/heng test bench; do tools/sources.sh $$d; done)

.PHONY: all demo test check bench bench-live bench-tune engine calibrate readme fmt install clean FORCE
all: $(BUILD)/configured
	@ninja -C $(BUILD) --quiet heng

# Configured anew when files come or go: meson lists sources when it runs.
$(BUILD)/configured: meson.build engine/meson.build tools/sources.sh $(BUILD)/sources
	@meson setup $(BUILD) $$([ -f $(BUILD)/build.ninja ] && echo --reconfigure) >$(BUILD)/meson.log || { cat $(BUILD)/meson.log; exit 1; }
	@touch $@

$(BUILD)/sources: FORCE
	@mkdir -p $(BUILD)
	@echo "$(SOURCES)" | tr ' ' '\n' | cmp -s - $@ || echo "$(SOURCES)" | tr ' ' '\n' >$@

demo: all
	@rm -rf out/demo && mkdir -p out
	@$(BUILD)/heng plan --model Qwen/Qwen3-32B --device h200_sxm --total-gpus 8 --workload chat --requests 1000 \
	    --slo 'ttft:p90<1s,tpot:p90<40ms' -o out/demo
	@echo "open out/demo/report.html"

test: all
	@ninja -C $(BUILD) --quiet heng-test
	@HENG=$(BUILD)/heng $(BUILD)/heng-test

check:
	@tools/check.sh

bench: all
	@ninja -C $(BUILD) --quiet heng-bench
	@$(BUILD)/heng-bench

# How late heng bench sees events, beside a reader that does nothing else; some 50 s.
bench-live: all
	@ninja -C $(BUILD) --quiet heng-bench heng-fake
	@$(BUILD)/heng-bench live $(BUILD)/heng-fake

# heng tune's strategies on a grid of the engine's settings: TUNED is the table in the tree, what it lacks is recorded (the whole in some
# 50 minutes on two cores); REPLAY=1 records nothing, LIVE=1 runs a session on the engine instead.
bench-tune: all
	@ninja -C $(BUILD) --quiet heng-bench
ifdef LIVE
	@$(MAKE) --no-print-directory engine
	@$(BUILD)/heng-bench tune $(BUILD)/engine
else
ifndef REPLAY
	@$(MAKE) --no-print-directory engine
	@$(BUILD)/heng-bench record $(BUILD)/engine $(TUNED)
endif
	@$(BUILD)/heng-bench replay $(TUNED)
endif

# A real server of llama.cpp's kernels in build/engine, with a dummy model of CONFIG's shape; wants npm and its registry once.
engine: all
	@ninja -C $(BUILD) --quiet engine/gguf
	@engine/build.sh $(BUILD) $(CONFIG)

# Every surface anew from the measured tables, then what the ladder below them is worth; unchanged tables leave unchanged files.
calibrate: all
	@$(BUILD)/heng calibrate ops $(TABLES) -o data/calibration --force
	@$(BUILD)/heng calibrate transfer $(TABLES) --data data -o data/transfer.json --force
	@$(BUILD)/heng calibrate host $(RUNS) --data data -o data/serving/overheads.json --force
	@$(BUILD)/heng calibrate loads $(RUNS) --data data -o data/serving/misses.json --force

readme: all
	@tools/readme.sh

fmt:
	@clang-format -i $$(git ls-files 'src/*.[ch]' 'cmd/*.c' 'include/*.h' 'test/*.[ch]' 'bench/*.c' 'engine/*.[ch]')

install: all
	@meson install -C $(BUILD) --quiet

clean:
	@rm -rf $(BUILD) build-*
