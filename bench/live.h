/* heng bench's own speed, beside that of a reader that does nothing but read. */
#ifndef BENCH_LIVE_H
#define BENCH_LIVE_H

void bench_live(const char *fake_server);

#endif
