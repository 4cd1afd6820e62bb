#ifndef HG_COST_COLLECTIVE_H
#define HG_COST_COLLECTIVE_H
typedef enum hg_collective { HG_ALL_REDUCE = 0, HG_ALL_GATHER = 8, HG_REDUCE_SCATTER = 16, HG_ALL_TO_ALL = 24 } hg_collective;
enum { HG_ALLREDUCE_GRAPH = 0, HG_P2P_NODE = 1, HG_P2P_NET = 2 };
#define HG_MOE_SKEW 1.01F
#endif
