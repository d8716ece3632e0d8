"""Golden values of PyTorch's batch normalisation in training and of its pooling, forward and backward, in float32, for
test/golden/plan_ops.test.ts.

    pip install torch numpy
    python test/golden/plan_ops.py        # writes plan_ops.bin beside this file; seconds
"""

import pathlib

import numpy as np
import torch
import torch.nn.functional as F

from golden_file import write_golden

torch.set_num_threads(1)
rng = np.random.default_rng(7)


def normal(*shape):
    return torch.from_numpy(rng.normal(size=shape).astype(np.float32))


norms, pools, arrays = [], [], {}

for index, (shape, relu, mean) in enumerate(
    [((3, 5, 9, 7), 0, 0.0), ((3, 5, 9, 7), 1, 0.5), ((2, 20, 3, 5), 1, 0.0), ((1, 3, 13, 11), 0, -3.0), ((6, 4), 0, 0.0)]
):
    x = (normal(*shape) + mean).requires_grad_()
    scale = (1 + 0.3 * normal(shape[1])).requires_grad_()
    bias = normal(shape[1]).requires_grad_()
    y = F.batch_norm(x, None, None, scale, bias, training=True, eps=1e-5)
    y = F.relu(y) if relu else y
    g = normal(*shape)
    y.backward(g)
    values = {"x": x, "scale": scale, "bias": bias, "g": g, "y": y, "dx": x.grad, "dscale": scale.grad, "dbias": bias.grad}
    arrays.update({f"norm{index}/{name}": value.detach().numpy() for name, value in values.items()})
    norms.append({"name": f"norm{index}", "relu": relu})

for index, (shape, options) in enumerate(
    [
        ((2, 3, 13, 11), {"kernel_size": 3, "stride": 2, "padding": 1}),
        ((1, 4, 9, 15), {"kernel_size": 2, "stride": 2}),
        ((2, 2, 10, 12), {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
        ((1, 3, 8, 9), {"kernel_size": (3, 5), "stride": (1, 2), "padding": (1, 2)}),
    ]
):
    for kind in ("max", "ties", "average", "average_inside"):
        # Rounded values tie all the time.
        x = (normal(*shape).round() if kind == "ties" else normal(*shape)).requires_grad_()
        if kind.startswith("average"):
            y = F.avg_pool2d(x, **options, count_include_pad=kind == "average")
        else:
            y = F.max_pool2d(x, **options)
        g = normal(*y.shape)
        y.backward(g)
        name = f"{kind}{index}"
        values = {"x": x, "g": g, "y": y, "dx": x.grad}
        arrays.update({f"{name}/{key}": value.detach().numpy() for key, value in values.items()})
        pair = lambda v: list(v) if isinstance(v, tuple) else [v, v]
        kernel, stride, padding = (pair(options.get(key, 0)) for key in ("kernel_size", "stride", "padding"))
        # Where ceil_mode makes windows reach beyond the padding, they count as padding that averages leave out.
        pools.append({"name": name, "kind": kind, "kernel": kernel, "stride": stride, "padding": padding})

header = {"versions": {"torch": torch.__version__, "numpy": np.__version__}, "norms": norms, "pools": pools}
write_golden(pathlib.Path(__file__).with_name("plan_ops.bin"), header, arrays)
