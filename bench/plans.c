#include "plans.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORDS = 32, ANSWER = 1 << 16 };

typedef struct question {
    const char *title, *words; /* separated by blanks; TRACE stands for the trace */
    const char *limit;
    int times;                 /* the best of so many */
} question;

#define PROMISE " --isl 4000 --osl 1000 --slo ttft:p90<2s,tpot:p90<30ms"
#define ALL_FORMATS " --precision any --kv-dtype any"
#define MANY_LIMITS " --max-num-seqs 16,24,32,48,64,96,128,160,192,256,320,384,512,768,1024,2048"
#define MANY_BUDGETS " --max-num-batched-tokens 1024,1536,2048,3072,4096,5120,6144,8192,10240,12288,16384,20480,24576,32768,49152,65536"

/* The peer's time is AIConfigurator's for the first question on such a machine; it has no answer to the second.  Those behind
 * the third are spaces of 10^4 to 10^6 deployments. */
static const question questions[] = {
    { "Qwen3-32B-FP8, 32 H200, isl 4000 osl 1000", "--model Qwen/Qwen3-32B-FP8 --total-gpus 32 --mode any" PROMISE, "wanted 2 s; the peer takes 159 s", 3 },
    { "the same over a real trace", "--model Qwen/Qwen3-32B-FP8 --total-gpus 32 --mode any --workload TRACE --slo ttft:p90<2s,tpot:p90<30ms", "wanted 30 s", 3 },
    { "DeepSeek-R1, 64 H200, isl 4000 osl 1000", "--model deepseek-ai/DeepSeek-R1 --total-gpus 64 --mode any --isl 4000 --osl 1000 --slo ttft:p90<2s,tpot:p90<50ms",
      "wanted 60 s", 3 },
    { "Qwen3-32B, 32 H200", "--model Qwen/Qwen3-32B --total-gpus 32 --mode any" PROMISE, "", 3 },
    { "… all precisions, more limits", "--model Qwen/Qwen3-32B --total-gpus 32 --mode any" ALL_FORMATS MANY_LIMITS PROMISE, "", 3 },
    { "… more token budgets, 64 H200", "--model Qwen/Qwen3-32B --total-gpus 64 --mode any" ALL_FORMATS MANY_LIMITS MANY_BUDGETS PROMISE, "", 3 },
    { "… 144 H200", "--model Qwen/Qwen3-32B --total-gpus 144 --mode any" ALL_FORMATS MANY_LIMITS MANY_BUDGETS PROMISE, "", 1 },
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void run(const char *heng, const char *trace, const question *q, const char *threads, const char *answer)
{
    char words[1024], *argv[WORDS] = { (char *)heng, "plan", "--device", "h200_sxm", "--quiet", "--threads", (char *)threads };
    int n = 7;
    if (!freopen(answer, "w", stdout))
        _exit(127);
    snprintf(words, sizeof words, "%s", q->words);
    for (char *at = strtok(words, " "); at && n < WORDS - 1; at = strtok(NULL, " "))
        argv[n++] = strcmp(at, "TRACE") == 0 ? (char *)trace : at;
    argv[n] = NULL;
    execv(heng, argv);
    _exit(127);
}

/* Seconds, the best of its times; negative: it failed. */
static double best_s(const char *heng, const char *trace, const question *q, const char *threads, const char *answer)
{
    double best = -1;
    for (int k = 0; k < q->times; k++) {
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

/* The number before a word of the text's last line: "6690 deployments: …, 177 simulated; …". */
static long long counted(const char *answer, const char *word)
{
    static char text[ANSWER];
    FILE *f = fopen(answer, "r");
    size_t n = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f)
        fclose(f);
    text[n] = 0;
    const char *line = strstr(text, " deployments: "), *at;
    while (line && line > text && line[-1] != '\n')
        line--;
    at = line ? strstr(line, word) : NULL;
    for (; at && at > line && at[-1] >= '0' && at[-1] <= '9'; at--)
        ;
    return at ? atoll(at) : -1;
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
            printf("%-46s %9lld %9lld %8.2f %9.1f %8.2fx  %s\n", q->title, counted(answer, " deployments: "), counted(answer, " simulated"), all,
                   all / reference_s, one / all, q->limit);
        else
            printf("%-46s failed\n", q->title);
    }
    char remove[128];
    snprintf(remove, sizeof remove, "rm -r %s", folder);
    if (system(remove) != 0)
        printf("%s stays\n", folder);
}
