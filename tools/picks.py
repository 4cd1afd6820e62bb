#!/usr/bin/env python3
"""heng validate serving --picks --json, on standard input, as the READMEs' table of rankings and picks; zh: in Chinese."""
import json
import sys

HEADS = {
    "en": "| runs | pairs | Kendall τ | cases | mean pick | at least half | by chances: mean | at least half |",
    "zh": "| 运行 | 配置对 | Kendall τ | 选择数 | 平均得分 | 不低于一半 | 按概率选：平均 | 不低于一半 |",
}


def line(name, ranking, picking):
    tau = "–" if ranking.get("tau") is None else f"{ranking['tau']:.2f}"
    cells = [name, ranking.get("pairs", 0), tau, picking.get("cases", 0)]
    for p in (picking, picking.get("by_chances", {})):
        cells += ["–", "–"] if p.get("mean") is None else [f"{p['mean']:.2f}", f"{100 * p['at_least_half_frac']:.0f} %"]
    return "| " + " | ".join(map(str, cells)) + " |"


def main():
    answer = json.load(sys.stdin)
    ranking, picking = answer["ranking"], answer["picking"]
    ranked = {g["group"]: g for g in ranking["groups"]}
    picked = {g["group"]: g for g in picking["groups"]}
    print(HEADS[sys.argv[1] if len(sys.argv) > 1 else "en"])
    print("|---|---|---|---|---|---|---|---|")
    for name in sorted(ranked.keys() | picked.keys()):
        print(line(name, ranked.get(name, {}), picked.get(name, {})))
    print(line("all", ranking, picking))


main()
