#!/usr/bin/env python3
"""Draws a plan: its Pareto front, and where the engines' time goes.  picture.py plan.json out.svg"""
import json
import sys
from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 880, 400, 62, 74, 348
FRONT_W, BARS_X, BARS_W = 420, 690, 170
BARS = 10
# The colours of report.html.
BY_TP = {1: "#c67c08", 2: "#c4512f", 4: "#a23a76", 8: "#6b46a8"}
BY_BOUND = {"tensor core": "#c8622a", "vector": "#3d8b66", "HBM": "#2f6fb3", "link": "#7f58a6", "host": "#b58a1b"}
GREY = "#8d97a2"

svg = []


def text(x, y, words, size=12, anchor="start", colour="#222222", weight="normal", turn=""):
    svg.append(f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}" '
               f'font-weight="{weight}"{turn}>{escape(words)}</text>')


def line(x1, y1, x2, y2, colour="#DDDDDD"):
    svg.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>')


def round_step(most):
    """About five steps of 1, 2 or 5 times a power of ten."""
    power = 10 ** (len(str(int(max(most / 5, 1)))) - 1)
    return next(s * power for s in (1, 2, 5, 10) if s * power * 5 >= most)


def name(d):
    ranks = "".join(f" {k}{d[k]}" for k in ("pp", "dp", "ep") if d[k] > 1)
    return (f"{d['replicas']} x " if d["replicas"] > 1 else "") + f"tp{d['tp']}{ranks}"


def front(plan):
    best = plan["recommended"]
    best_xy = (1 / best["metrics"]["tpot_s"]["mean"], best["metrics"]["throughput"]["output_tokens_per_s_per_gpu"])
    points = [(p["tokens_per_s_per_user"], p["tokens_per_s_per_gpu"], p["deployment"]["tp"]) for p in plan["pareto"]]
    widest, highest = (max([p[k] for p in points] + [best_xy[k]]) for k in (0, 1))
    x_step, y_step = round_step(widest), round_step(highest)
    x_most, y_most = x_step * (1 + int(widest / x_step)), y_step * (1 + int(highest / y_step))
    at_x = lambda v: LEFT + v / x_most * FRONT_W
    at_y = lambda v: BOTTOM - v / y_most * (BOTTOM - TOP)
    for k in range(int(x_most / x_step) + 1):
        line(at_x(k * x_step), TOP, at_x(k * x_step), BOTTOM)
        text(at_x(k * x_step), BOTTOM + 16, f"{k * x_step:g}", 11, "middle")
    for k in range(int(y_most / y_step) + 1):
        line(LEFT, at_y(k * y_step), LEFT + FRONT_W, at_y(k * y_step))
        text(LEFT - 6, at_y(k * y_step) + 4, f"{k * y_step:g}", 11, "end")
    text(LEFT + FRONT_W / 2, BOTTOM + 36, "output tokens/s of one user (1/TPOT)", 12, "middle")
    text(16, (TOP + BOTTOM) / 2, "output tokens/s per GPU", 12, "middle",
         turn=f' transform="rotate(-90 16 {(TOP + BOTTOM) / 2:.1f})"')
    text(LEFT, TOP - 14, "Pareto front", 13, weight="bold")
    for user, gpu, tp in points:
        svg.append(f'<circle cx="{at_x(user):.1f}" cy="{at_y(gpu):.1f}" r="4" fill="{BY_TP.get(tp, GREY)}"/>')
    svg.append(f'<circle cx="{at_x(best_xy[0]):.1f}" cy="{at_y(best_xy[1]):.1f}" r="8" fill="none" stroke="#222222" '
               'stroke-width="1.5"/>')
    text(at_x(best_xy[0]) + 13, at_y(best_xy[1]) + 4, f"recommended: {name(best['deployment'])}", 12)
    x = LEFT + FRONT_W
    for tp in sorted({p[2] for p in points}, reverse=True):
        text(x, TOP - 14, f"tp {tp}", 12, "end", BY_TP.get(tp, GREY), "bold")
        x -= 44


def bars(plan):
    shares = plan["recommended"]["bottleneck"]["shares"]
    rows = [(s["name"], s["share_frac"], s["bound"]) for s in shares if s["name"] != "idle"][:BARS]
    idle = next((s["share_frac"] for s in shares if s["name"] == "idle"), 0)
    rest = 1 - idle - sum(r[1] for r in rows)
    rows += [("other", rest, "")] if rest > 0.0005 else []
    rows += [("waiting for requests", idle, "")]
    most = max(r[1] for r in rows)
    step = (BOTTOM - TOP) / len(rows)
    text(BARS_X, TOP - 14, "where the engines' time goes", 13, "middle", weight="bold")
    for i, (what, share, bound) in enumerate(rows):
        y = TOP + i * step
        svg.append(f'<rect x="{BARS_X}" y="{y + 3:.1f}" width="{share / most * (BARS_W - 40):.1f}" height="{step - 6:.1f}" '
                   f'fill="{BY_BOUND.get(bound, GREY)}"/>')
        text(BARS_X - 6, y + step / 2 + 4, what, 11, "end")
        text(BARS_X + share / most * (BARS_W - 40) + 5, y + step / 2 + 4, f"{100 * share:.1f} %", 11)
    x = BARS_X - 120
    text(x, BOTTOM + 36, "bound by", 12)
    x += 60
    for bound in [b for b in BY_BOUND if any(r[2] == b for r in rows)]:
        text(x, BOTTOM + 36, bound, 12, colour=BY_BOUND[bound], weight="bold")
        x += 14 + (9.5 if bound.isupper() else 6.8) * len(bound)


def main(source, target):
    with open(source, encoding="utf-8") as f:
        plan = json.load(f)
    s = plan["scenario"]
    gpus = plan["recommended"]["deployment"]["gpus"]
    text(16, 28, f"heng plan: {s['model']} on {gpus} x {s['device']}, {s['workload']}, {s['slo']}", 14, weight="bold")
    front(plan)
    bars(plan)
    body = "\n".join(svg)
    with open(target, "w", encoding="utf-8") as f:
        f.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">\n'
                f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#FFFFFF"/>\n{body}\n</svg>\n')


if __name__ == "__main__":
    main(*sys.argv[1:])
