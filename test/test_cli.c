#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The binary as a user meets it.  test/cli.test holds conversations:
 *   $ a shell command, with "heng" as its first word (in a fresh folder; HENG names the binary)
 *   = the exit code
 *   + a text that stdout holds      - a text that stdout does not hold
 *   ! a text that stderr holds
 *   ? a path that must exist for the command to be run (else it is skipped)                      */

typedef struct capture {
    int code;
    char out[1 << 16], err[1 << 14];
} capture;

static void read_all(const char *path, char *into, size_t size)
{
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(into, 1, size - 1, f) : 0;
    into[n] = 0;
    if (f)
        fclose(f);
}

static void run(const char *heng, const char *folder, const char *command, capture *c)
{
    char line[16384];
    const char *rest = strncmp(command, "heng", 4) == 0 ? command + 4 : NULL;
    snprintf(line, sizeof line, "cd %s && heng() { %s \"$@\"; }; { %s%s; } >out.txt 2>err.txt </dev/null", folder,
             heng, rest ? "heng" : "", rest ? rest : command);
    int status = system(line);
    c->code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    char path[4096];
    snprintf(path, sizeof path, "%s/out.txt", folder);
    read_all(path, c->out, sizeof c->out);
    snprintf(path, sizeof path, "%s/err.txt", folder);
    read_all(path, c->err, sizeof c->err);
}

static void expect(const capture *c, const char *line, const char *command, int number)
{
    const char *want = line + 2;
    switch (line[0]) {
    case '=':
        CHECKF(c->code == atoi(want), "cli.test:%d: exit code %d, want %s: %s\n%s", number, c->code, want, command, c->err);
        break;
    case '+':
        CHECKF(strstr(c->out, want) != NULL, "cli.test:%d: stdout lacks '%s': %s\n%.400s", number, want, command, c->out);
        break;
    case '-':
        CHECKF(strstr(c->out, want) == NULL, "cli.test:%d: stdout holds '%s': %s", number, want, command);
        break;
    case '!':
        CHECKF(strstr(c->err, want) != NULL, "cli.test:%d: stderr lacks '%s': %s\n%.400s", number, want, command, c->err);
        break;
    default:
        CHECKF(false, "cli.test:%d: what is '%s'?", number, line);
    }
}

void test_cli(void)
{
    const char *given = getenv("HENG");
    char heng[4096], folder[] = "/tmp/heng-test-XXXXXX", line[4096], command[4096] = "", remove[4200];
    static capture c;
    FILE *f = fopen("test/cli.test", "r");
    if (!f || !realpath(given ? given : "build/heng", heng) || !mkdtemp(folder)) {
        test_skip("cli: run from the checkout's root with HENG naming the binary");
        return;
    }
    char root[4096];
    if (!getcwd(root, sizeof root))
        return;
    setenv("ROOT", root, 1);
    setenv("FAKE", HG_FAKE_LIBRARY, 1); /* NVIDIA's libraries, as far as the probe calls them */
    setenv("FAKE_SERVER", HG_FAKE_SERVER, 1); /* an OpenAI-compatible endpoint, heng bench's other end */
    bool ran = false, wanted = true;
    for (int number = 1; fgets(line, sizeof line, f); number++) {
        line[strcspn(line, "\n")] = 0;
        if (line[0] == '#' || !line[0])
            continue;
        if (line[0] == '?') {
            wanted = access(line + 2, F_OK) == 0;
            if (!wanted)
                test_skip(line + 2);
        } else if (line[0] == '$') {
            snprintf(command, sizeof command, "%s", line + 2);
            if (wanted)
                run(heng, folder, command, &c);
            ran = wanted;
            wanted = true;
        } else if (ran) {
            expect(&c, line, command, number);
        }
    }
    fclose(f);
    snprintf(remove, sizeof remove, "rm -rf %s", folder);
    CHECK(system(remove) == 0);
}
