/* Words for what is said among devices: hg_shape.kind of the operators that do it. */
#ifndef HG_COST_COLLECTIVE_H
#define HG_COST_COLLECTIVE_H

/* Of nccl, oneccl and internode: far enough apart that the nearest series never does something
 * else. */
typedef enum hg_collective {
    HG_ALL_REDUCE = 0,
    HG_ALL_GATHER = 8,
    HG_REDUCE_SCATTER = 16,
    HG_ALL_TO_ALL = 24,
} hg_collective;

/* Of custom_allreduce: launched within a CUDA graph, or by the host each time. */
enum { HG_ALLREDUCE_GRAPH = 0, HG_ALLREDUCE_EAGER = 1 };

/* Of internode: one device to another, over the node's link or the network. */
enum { HG_P2P_NODE = 1, HG_P2P_NET = 2 };

/* Of moe: the skew α to assume of real traffic, the mildest of the tables'. */
#define HG_MOE_SKEW 1.01F

#endif
