/* Containers: which image, what is mounted, and what of its host the server is left. */
#include "engine/reader.h"

#include "base/num.h"
#include "engine/layout.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

bool hg_is_container(const hg_shell_command *c)
{
    const char *w = c->count > 1 ? hg_basename(c->words[0].s) : "";
    bool sudo = strcmp(w, "sudo") == 0 || strcmp(w, "exec") == 0;
    w = sudo && c->count > 2 ? hg_basename(c->words[1].s) : w;
    return strcmp(w, "docker") == 0 || strcmp(w, "podman") == 0 || strcmp(w, "nerdctl") == 0;
}

/* ---- images ---- */

static const struct image {
    const char *path, *engine;
    bool serves;
} images[] = {
#define IMAGE(path, engine, serves) { path, engine, serves },
#include "engine/images.def"
#undef IMAGE
};

/* The length of an image's path: without its tag or digest. */
static size_t path_length(const char *image)
{
    size_t n = strcspn(image, "@");
    for (size_t i = n; i > 0 && image[i - 1] != '/'; i--)
        if (image[i - 1] == ':')
            return i - 1;
    return n;
}

static bool is_image(const struct image *row, const char *image)
{
    size_t n = path_length(image), parts = 1, from = n;
    for (const char *p = row->path; *p; p++)
        parts += *p == '/';
    while (from > 0 && (image[from - 1] != '/' || --parts > 0))
        from--;
    size_t known = strlen(row->path), open = row->path[known - 1] == '*';
    known -= open;
    return n - from >= known && (open || n - from == known) &&
           memcmp(image + from, row->path, known) == 0;
}

/* Options of docker run that take no value; the other ones do, as the next word or behind =. */
static bool is_switch(const char *w)
{
    static const char *const names[] = { "--rm",
                                         "--privileged",
                                         "--init",
                                         "--detach",
                                         "--interactive",
                                         "--tty",
                                         "--read-only",
                                         "--no-healthcheck",
                                         "--publish-all",
                                         "--sig-proxy",
                                         "--oom-kill-disable",
                                         "--quiet",
                                         "--disable-content-trust" };
    if (w[1] != '-')
        return w[1 + strspn(w + 1, "ditPq")] == 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], w) == 0)
            return true;
    return strchr(w, '=') != NULL;
}

/* The first word of docker run … that is no option and no option's value; 0: none. */
static size_t image_word(const hg_shell_command *c)
{
    size_t i = 1;
    while (i < c->count && strcmp(c->words[i].s, "run") != 0 &&
           strcmp(c->words[i].s, "create") != 0)
        i++;
    for (i++; i < c->count; i++) {
        const char *w = c->words[i].s;
        if (*w == '-')
            i += !is_switch(w);
        else if (*w != '$')
            return i;
    }
    return 0;
}

size_t hg_image_at(const hg_shell_command *c, const char **engine, bool *serves)
{
    size_t at = hg_is_container(c) ? image_word(c) : 0;
    *engine = NULL;
    *serves = false;
    for (size_t k = 0; at && k < sizeof images / sizeof *images; k++)
        if (is_image(&images[k], c->words[at].s)) {
            *engine = images[k].engine;
            *serves = images[k].serves;
            return at;
        }
    return 0;
}

const char *hg_image_version(hg_arena *arena, const char *image)
{
    const char *tag = image + path_length(image);
    size_t n;
    if (*tag++ != ':')
        return NULL;
    for (const char *p = tag; (p = strstr(p, "-b"));
         p += 2) /* llama.cpp's builds: server-cuda-b6000 */
        if (isdigit((unsigned char)p[2]))
            return hg_strndup(arena, p + 1, 1 + strspn(p + 2, "0123456789"));
    tag += *tag == 'v';
    n = strcspn(tag, "-@");
    return isdigit((unsigned char)*tag) && memchr(tag, '.', n) ? hg_strndup(arena, tag, n) : NULL;
}

/* ---- mounts ---- */

/* host:container[:options] */
static const char *mounted(hg_arena *arena, const char *volume, const char *path)
{
    const char *target = NULL;
    for (const char *p = volume; (p = strchr(p, ':')); p++)
        if (p[1] == '/')
            target = p + 1;
    size_t n = target ? strcspn(target, ":") : 0;
    while (n > 1 && target[n - 1] == '/')
        n--;
    if (!n || strncmp(path, target, n) != 0 || (path[n] && path[n] != '/'))
        return NULL;
    return hg_textf(arena, "%.*s%s", (int)(target - 1 - volume), volume, path + n);
}

static const char *field(hg_arena *arena, const char *list, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = list; *p; p += strcspn(p, ","), p += *p == ',')
        if (strncmp(p, name, n) == 0 && p[n] == '=')
            return hg_strndup(arena, p + n + 1, strcspn(p + n + 1, ","));
    return NULL;
}

/* type=bind,source=host,target=container as a volume. */
static const char *as_volume(hg_arena *arena, const char *mount)
{
    const char *from = field(arena, mount, "source"), *to = field(arena, mount, "target");
    from = from ? from : field(arena, mount, "src");
    to = to ? to : field(arena, mount, "dst");
    to = to ? to : field(arena, mount, "destination");
    return from && to ? hg_textf(arena, "%s:%s", from, to) : "";
}

/* The value of an option, as the next word or behind =; NULL: it is another word. */
static const char *option(const hg_shell_command *c, size_t i, const char *name)
{
    size_t n = strlen(name);
    if (strncmp(c->words[i].s, name, n) != 0)
        return NULL;
    if (c->words[i].s[n] == '=')
        return c->words[i].s + n + 1;
    return !c->words[i].s[n] && i + 1 < c->count ? c->words[i + 1].s : NULL;
}

const char *hg_container_path(hg_arena *arena, const hg_shell_command *c, const char *path)
{
    for (size_t i = 1; hg_is_container(c) && *path == '/' && i < c->count; i++) {
        const char *v = option(c, i, "-v"), *mount = option(c, i, "--mount");
        v = v ? v : option(c, i, "--volume");
        const char *out = v || mount ? mounted(arena, v ? v : as_volume(arena, mount), path) : NULL;
        if (out)
            return out;
    }
    return path;
}

/* ---- processors ---- */

/* "0-3,8": how many. */
static double processors(const char *list)
{
    double n = 0;
    for (const char *p = list; *p;) {
        char *end;
        long first = strtol(p, &end, 10), last = first;
        if (end == p || first < 0)
            return 0;
        if (*end == '-')
            last = strtol(p = end + 1, &end, 10);
        if (end == p || last < first || last > 100000)
            return 0;
        n += (double)(last - first + 1);
        p = end + (*end == ',');
        if (*end && *end != ',')
            return 0;
    }
    return n;
}

/* What the line leaves the server of its host. */
double hg_command_cpus(const hg_shell_command *c, size_t before)
{
    static const char *const counts[] = { "--cpus" }, *const lists[] = { "--cpuset-cpus", "-c",
                                                                         "--cpu-list", "-C",
                                                                         "--physcpubind" };
    bool pins =
        c->count > 0 && (hg_is_container(c) || strcmp(hg_basename(c->words[0].s), "taskset") == 0 ||
                         strcmp(hg_basename(c->words[0].s), "numactl") == 0);
    for (size_t i = 1; pins && i < before && i < c->count; i++) {
        const char *w = c->words[i].s, *equals = strchr(w, '=');
        size_t n = equals ? (size_t)(equals - w) : strlen(w);
        const char *value = equals ? equals + 1 : i + 1 < before ? c->words[i + 1].s : "";
        double v;
        if (n == strlen(counts[0]) && memcmp(w, counts[0], n) == 0)
            return hg_parse_f64(value, &v) && v > 0 ? v : 0;
        for (size_t k = hg_is_container(c) ? 0 : 1;
             k < (hg_is_container(c) ? 1 : sizeof lists / sizeof *lists); k++)
            if (n == strlen(lists[k]) && memcmp(w, lists[k], n) == 0)
                return processors(value);
    }
    return 0;
}

/* ---- devices ---- */

/* "0,2-3" or "0 1"; 0: not a list of devices ("all", "$X"). */
static int64_t listed(const char *list)
{
    if (strpbrk(list, "$`"))
        return 0;
    double ranges = processors(list);
    int64_t n = 0;
    if (ranges > 0)
        return (int64_t)ranges;
    for (const char *p = list; *p; p += strcspn(p, ", "), p += *p != 0)
        n += *p != ',' && *p != ' ';
    return isdigit((unsigned char)*list) || hg_starts(list, "GPU-") || hg_starts(list, "MIG-") ? n
                                                                                               : 0;
}

/* all; 2; device=0,1; "device=0,1" with quotes of its own. */
static int64_t of_gpus(hg_arena *arena, const char *value)
{
    const char *device = strstr(value, "device="), *count = strstr(value, "count=");
    int64_t n;
    if (device)
        return listed(hg_strndup(arena, device + 7, strcspn(device + 7, "\"'")));
    value = count ? count + 6 : value;
    return hg_parse_i64(value, &n) && n > 0 ? n : 0;
}

static void least(int64_t n, const char *by, int64_t *devices, const char **said)
{
    if (n <= 0 || (*devices > 0 && *devices <= n))
        return;
    *devices = n;
    *said = by;
}

static bool is_visible(const char *name)
{
    static const char *const names[] = {
        "NVIDIA_VISIBLE_DEVICES",
        "ROCR_VISIBLE_DEVICES",
        "ASCEND_VISIBLE_DEVICES",
#define ACCELERATOR(vendor, visible, docker, resource) visible,
#include "engine/accelerator.def"
#undef ACCELERATOR
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i] && strcmp(names[i], name) == 0)
            return true;
    return false;
}

int64_t hg_command_devices(hg_arena *arena, const hg_shell_command *c, size_t before,
                           const hg_settings *s, const char **said)
{
    int64_t devices = 0, handed = 0;
    *said = NULL;
    for (size_t i = 0; i < s->env_count; i++)
        if (is_visible(s->env[i][0]))
            least(listed(s->env[i][1]), hg_textf(arena, "%s=%s", s->env[i][0], s->env[i][1]),
                  &devices, said);
    for (size_t i = 1; hg_is_container(c) && i < before && i < c->count; i++) {
        const char *gpus = option(c, i, "--gpus"), *device = option(c, i, "--device");
        if (gpus)
            least(of_gpus(arena, gpus), hg_textf(arena, "--gpus %s", gpus), &devices, said);
        handed += device && hg_starts(device, "/dev/davinci") && isdigit((unsigned char)device[12]);
    }
    least(handed, "--device /dev/davinci…", &devices, said);
    return devices;
}
