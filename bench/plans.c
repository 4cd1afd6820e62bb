#include "plans.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TIMES = 3, WORDS = 32, ANSWER = 1 << 16 };

typedef struct question {
    const char *title, *words; /* separated by blanks; TRACE stands for the trace */
    const char *limit;
} question;

/* The peer's time is AIConfigurator's for the first question on such a machine; it has no answer to the second. */
static const question questions[] = {
    { "Qwen3-32B-FP8, 32 H200, isl 4000 osl 1000", "--model Qwen/Qwen3-32B-FP8 --total-gpus 32 --mode any --isl 4000 --osl 1000 --slo ttft:p90<2s,tpot:p90<30ms",
      "wanted 2 s; the peer takes 159 s" },
    { "the same over a real trace", "--model Qwen/Qwen3-32B-FP8 --total-gpus 32 --mode any --workload TRACE --slo ttft:p90<2s,tpot:p90<30ms", "wanted 30 s" },
    { "DeepSeek-R1, 64 H200, isl 4000 osl 1000", "--model deepseek-ai/DeepSeek-R1 --total-gpus 64 --mode any --isl 4000 --osl 1000 --slo ttft:p90<2s,tpot:p90<50ms",
      "wanted 60 s" },
    { "Qwen3-8B, 48 H200", "--model Qwen/Qwen3-8B --total-gpus 48 --mode any --isl 4000 --osl 1000 --slo ttft:p90<2s,tpot:p90<30ms", "" },
    { "… and precision and KV of any kind", "--model Qwen/Qwen3-8B --total-gpus 48 --mode any --precision any --kv-dtype any --isl 4000 --osl 1000 --slo ttft:p90<2s,tpot:p90<30ms", "" },
    { "… on 512", "--model Qwen/Qwen3-8B --total-gpus 512 --mode any --precision any --kv-dtype any --isl 4000 --osl 1000 --slo ttft:p90<2s,tpot:p90<30ms", "" },
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void run(const char *heng, const char *trace, const question *q, const char *threads, const char *answer)
{
    char words[1024], *argv[WORDS] = { (char *)heng, "plan", "--device", "h200_sxm", "--json", "--quiet", "--force", "-o", (char *)answer,
                                       "--threads", (char *)threads };
    int n = 11;
    snprintf(words, sizeof words, "%s", q->words);
    for (char *at = strtok(words, " "); at && n < WORDS - 1; at = strtok(NULL, " "))
        argv[n++] = strcmp(at, "TRACE") == 0 ? (char *)trace : at;
    argv[n] = NULL;
    execv(heng, argv);
    _exit(127);
}

/* Seconds, the best of TIMES; negative: it failed. */
static double best_s(const char *heng, const char *trace, const question *q, const char *threads, const char *answer)
{
    double best = -1;
    for (int k = 0; k < TIMES; k++) {
        int status;
        double start = now_s();
        fflush(stdout);
        pid_t child = fork();
        if (child == 0)
            run(heng, trace, q, threads, answer);
        waitpid(child, &status, 0);
        double spent = now_s() - start;
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            return -1;
        best = best < 0 || spent < best ? spent : best;
    }
    return best;
}

static long long member(const char *folder, const char *name)
{
    static char text[ANSWER * 64];
    char path[256], key[64];
    snprintf(path, sizeof path, "%s/plan.json", folder);
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f)
        fclose(f);
    text[n] = 0;
    snprintf(key, sizeof key, "\"%s\":", name);
    const char *at = strstr(text, key);
    return at ? atoll(at + strlen(key)) : -1;
}

void bench_plans(const char *heng, const char *trace, double reference_s)
{
    char folder[] = "/tmp/heng-bench-XXXXXX", answer[64];
    if (!mkdtemp(folder))
        return;
    snprintf(answer, sizeof answer, "%s/plan", folder);
    printf("\n%-46s %9s %9s %8s %9s %9s\n", "plans, whole process", "to choose", "simulated", "s", "ratio", "of 1 core");
    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        const question *q = &questions[i];
        double all = best_s(heng, trace, q, "2", answer), one = best_s(heng, trace, q, "1", answer);
        if (all > 0)
            printf("%-46s %9lld %9lld %8.2f %9.1f %8.2fx  %s\n", q->title, member(answer, "considered"), member(answer, "simulated"), all,
                   all / reference_s, one / all, q->limit);
        else
            printf("%-46s failed\n", q->title);
    }
    char remove[128];
    snprintf(remove, sizeof remove, "rm -r %s", folder);
    if (system(remove) != 0)
        printf("%s stays\n", folder);
}
