#include "probe/cpu_blas.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

static const char *const names[] = { "libopenblas.so.0", "libopenblas.so", "libopenblasp.so.0",
                                     "libcblas.so.3", NULL };

#define SYMBOL(field, name, optional)                                                              \
    {                                                                                              \
        name, offsetof(hg_cpu_blas, field), optional                                               \
    }
static const hg_symbol symbols[] = {
    SYMBOL(sgemm, "cblas_sgemm", false),
    SYMBOL(sbgemm, "cblas_sbgemm", true),
    SYMBOL(set_threads, "openblas_set_num_threads", true),
    SYMBOL(config, "openblas_get_config", true),
};

/* "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH …" → "openblas_0.3.21"; others by their file. */
static char *library_word(hg_arena *arena, const hg_cpu_blas *b)
{
    char version[32];
    if (b->config && sscanf(b->config(), "OpenBLAS %31s", version) == 1)
        return hg_textf(arena, "openblas_%s", version);
    return hg_strndup(arena, b->library.name, strcspn(b->library.name, "."));
}

bool hg_cpu_blas_open(hg_arena *arena, const char *folder, int threads, hg_cpu_blas *out,
                      hg_err *err)
{
    *out = (hg_cpu_blas){ 0 };
    if (!hg_library_open(arena, folder, names,
                         "OpenBLAS is not installed (Debian: libopenblas0-pthread)", &out->library,
                         err))
        return false;
    if (!hg_library_bind(&out->library, symbols, sizeof symbols / sizeof *symbols, out, err)) {
        hg_library_close(&out->library);
        return false;
    }
    if (out->set_threads)
        out->set_threads(threads);
    const char *word = library_word(arena, out);
    out->kernel = hg_textf(arena, "%s_sgemm", word);
    out->bf16_kernel = out->sbgemm ? hg_textf(arena, "%s_sbgemm", word) : NULL;
    return true;
}

void hg_cpu_blas_gemm(const hg_cpu_blas *b, const hg_cpu_gemm *g, bool bf16)
{
    enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112 }; /* of the CBLAS standard */
    int m = (int)g->m, n = (int)g->n, k = (int)g->k;
    if (bf16)
        b->sbgemm(ROW_MAJOR, PLAIN, TRANSPOSED, m, n, k, 1, (const void *)g->a, k,
                  (const void *)g->w, k, 0, g->c, n);
    else
        b->sgemm(ROW_MAJOR, PLAIN, TRANSPOSED, m, n, k, 1, g->a, k, g->w, k, 0, g->c, n);
}
