/* OpenBLAS as far as the probe calls it: checks what it is given, computes nothing. */
#include <stdint.h>
#include <time.h>

static long right, wrong;
static int threads;

long fake_blas_right(void) { return right; }
long fake_blas_wrong(void) { return wrong; }
int fake_blas_threads(void) { return threads; }

/* Row by row, weights transposed, nothing kept of what was in c.  Takes some 60 µs, so that rates stay
 * those of some machine. */
static void check(int order, int a_transposed, int b_transposed, int m, int n, int k, float alpha, int lda, int ldb,
                  float beta, int ldc)
{
    int good = order == 101 && a_transposed == 111 && b_transposed == 112 && m > 0 && lda == k && ldb == k &&
               ldc == n && alpha == 1 && beta == 0;
    right += good;
    wrong += !good;
    nanosleep(&(struct timespec){ .tv_nsec = 10000 }, NULL);
}

void cblas_sgemm(int order, int a_transposed, int b_transposed, int m, int n, int k, float alpha, const float *a,
                 int lda, const float *b, int ldb, float beta, float *c, int ldc)
{
    check(order, a_transposed, b_transposed, m, n, k, alpha, lda, ldb, beta, ldc);
    c[(long)m * ldc - 1] = a[(long)m * lda - 1] + b[(long)n * ldb - 1]; /* the operands are all there */
}

void cblas_sbgemm(int order, int a_transposed, int b_transposed, int m, int n, int k, float alpha,
                  const uint16_t *a, int lda, const uint16_t *b, int ldb, float beta, float *c, int ldc)
{
    check(order, a_transposed, b_transposed, m, n, k, alpha, lda, ldb, beta, ldc);
    c[(long)m * ldc - 1] = (float)(a[(long)m * lda - 1] + b[(long)n * ldb - 1]);
}

void openblas_set_num_threads(int n) { threads = n; }
char *openblas_get_config(void) { return (char *)"OpenBLAS 9.9 DYNAMIC_ARCH"; }
