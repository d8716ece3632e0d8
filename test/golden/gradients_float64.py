"""Evaluates a float32 ONNX graph in float64: onnx's reference evaluator, with convolution and pooling by PyTorch.

With all sums in float64, values fall on the same side of every ReLU's and max-pooling's jump as in PyTorch's float64, so
that what is left of a difference between the gradients is an error of the graph.
"""

import numpy as np
import onnx
import torch
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun
from torch.nn import functional as F


def widened_tensor(tensor):
    if tensor.data_type != TensorProto.FLOAT:
        return tensor
    return numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name)


def widened(model):
    """The same graph with every float32 as float64."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    for initializer in model.graph.initializer:
        initializer.CopyFrom(widened_tensor(initializer))
    for value in [*model.graph.input, *model.graph.output, *model.graph.value_info]:
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            value.type.tensor_type.elem_type = TensorProto.DOUBLE
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR:
                attribute.t.CopyFrom(widened_tensor(attribute.t))
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.DOUBLE
    return model


def padded(x, pads, value=0.0):
    n = len(pads) // 2
    flat = [pad for axis in reversed(range(n)) for pad in (pads[axis], pads[axis + n])]
    return F.pad(torch.from_numpy(x), flat, value=value) if any(pads) else torch.from_numpy(x)


class Conv(OpRun):
    op_domain = ""

    def _run(self, x, w, b=None, auto_pad=None, dilations=None, group=None, kernel_shape=None, pads=None, strides=None):
        assert auto_pad in (None, "NOTSET") and x.ndim == 4
        bias = None if b is None else torch.from_numpy(b)
        return (F.conv2d(padded(x, pads or [0] * 4), torch.from_numpy(w), bias, strides or 1, 0, dilations or 1, group or 1).numpy(),)


class ConvTranspose(OpRun):
    op_domain = ""

    def _run(self, x, w, b=None, auto_pad=None, dilations=None, group=None, kernel_shape=None, output_padding=None, output_shape=None, pads=None, strides=None):
        assert auto_pad in (None, "NOTSET") and output_shape is None and x.ndim == 4
        pads = pads or [0] * 4
        # Padding of a transposed convolution crops; output_padding adds behind.
        bias = None if b is None else torch.from_numpy(b)
        whole = F.conv_transpose2d(torch.from_numpy(x), torch.from_numpy(w), bias, strides or 1, 0, output_padding or 0, group or 1, dilations or 1)
        return (whole[:, :, pads[0] : whole.shape[2] - pads[2], pads[1] : whole.shape[3] - pads[3]].numpy(),)


class MaxPool(OpRun):
    op_domain = ""

    def _run(self, x, auto_pad=None, ceil_mode=None, dilations=None, kernel_shape=None, pads=None, storage_order=None, strides=None):
        assert auto_pad in (None, "NOTSET") and not storage_order and not ceil_mode
        pads = pads or [0] * 4
        wide = padded(x, pads, -np.inf)
        values, at = F.max_pool2d(wide, kernel_shape, strides or 1, 0, dilations or 1, return_indices=True)
        if len(self.onnx_node.output) == 1:
            return (values.numpy(),)
        y, x_ = at // wide.shape[3] - pads[0], at % wide.shape[3] - pads[1]
        plane = torch.arange(x.shape[0] * x.shape[1]).reshape(x.shape[0], x.shape[1], 1, 1)
        return values.numpy(), ((plane * x.shape[2] + y) * x.shape[3] + x_).numpy()


class AveragePool(OpRun):
    op_domain = ""

    def _run(self, x, auto_pad=None, ceil_mode=None, count_include_pad=None, dilations=None, kernel_shape=None, pads=None, strides=None):
        assert auto_pad in (None, "NOTSET") and not ceil_mode and set(dilations or [1]) == {1}
        pool = lambda values: F.avg_pool2d(padded(values, pads or [0] * 4), kernel_shape, strides or 1)
        sums = pool(x)
        return ((sums if count_include_pad else sums / pool(np.ones_like(x))).numpy(),)


class Erf(OpRun):
    op_domain = ""

    def _run(self, x):
        return (torch.erf(torch.from_numpy(x)).numpy(),)


def evaluate(path, feeds):
    """Outputs by name."""
    model = widened(onnx.load(path))
    session = ReferenceEvaluator(model, new_ops=[Conv, ConvTranspose, MaxPool, AveragePool, Erf])
    feeds = {name: value for name, value in feeds.items() if name in session.input_names}
    return dict(zip(session.output_names, session.run(None, feeds)))
