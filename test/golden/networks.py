"""Small classifiers with the blocks of torchvision and timm at reduced width and depth, shared by the golden scripts.

    pip install torch torchvision timm onnx onnxscript onnxruntime numpy

Random weights from a fixed seed, batch-norm statistics calibrated on noise. What torchvision initialises to (nearly) zero
(ViT's head, ConvNeXt's layer scale, residual gains) gets values that let gradients through, or there would be nothing to
compare. Every ReLU is out of place, so that hooks see activations before it.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import onnx
import onnxruntime
import torch
import torchvision.models as tv
from torch import nn
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.densenet import DenseNet
from torchvision.models.efficientnet import EfficientNet, FusedMBConvConfig, MBConvConfig
from torchvision.models.inception import BasicConv2d, InceptionA, InceptionAux, InceptionB, InceptionC, InceptionD, InceptionE
from torchvision.models.mobilenetv3 import InvertedResidualConfig, MobileNetV3
from torchvision.models.regnet import BlockParams, RegNet
from torchvision.models.resnet import Bottleneck, ResNet
from torchvision.models.swin_transformer import SwinTransformer
from torchvision.models.vgg import VGG, make_layers
from torchvision.models.vision_transformer import VisionTransformer

CLASSES = 5


@dataclass
class Network:
    build: Callable[[], nn.Module]
    # Modules whose outputs are compared; for vision transformers with `tokens` [N, T, C] before patches.
    layers: list[str]
    size: int = 40
    # (exporter, opset, dynamic batch)
    exports: list[tuple[str, int, bool]] = field(default_factory=lambda: [("torchscript", 17, True), ("dynamo", 18, False)])
    # Tokens before the patches of a layer [N, T, C]; None for a convolutional network.
    class_tokens: int | None = None
    # Layers that are [N, H, W, C].
    channels_last: bool = False


class GroupedResNet(ResNet):
    """Bottlenecks with grouped convolutions (ResNeXt), the last stage dilated instead of strided."""

    def __init__(self):
        nn.Module.__init__(self)
        self._norm_layer, self.inplanes, self.dilation, self.groups, self.base_width = nn.BatchNorm2d, 8, 1, 2, 32
        self.conv1 = nn.Conv2d(3, 8, 7, 2, 3, bias=False)
        self.bn1, self.relu, self.maxpool = nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        self.layer1 = self._make_layer(Bottleneck, 4, 1)
        self.layer2 = self._make_layer(Bottleneck, 8, 2, stride=2)
        self.layer3 = self._make_layer(Bottleneck, 12, 1, stride=2)
        self.layer4 = self._make_layer(Bottleneck, 16, 1, stride=2, dilate=True)
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d((1, 1)), nn.Linear(64, CLASSES)


def vgg():
    net = VGG(make_layers([8, "M", 12, "M", 16, 16, "M", 24], batch_norm=True), num_classes=CLASSES)
    # The pooling of ImageNet's 7×7 head, here 4×4 → 2×2.
    net.avgpool = nn.AdaptiveAvgPool2d((2, 2))
    net.classifier = nn.Sequential(nn.Linear(96, 32), nn.ReLU(), nn.Dropout(), nn.Linear(32, CLASSES))
    return net


def efficientnet():
    settings = [
        FusedMBConvConfig(1, 3, 1, 8, 8, 1),
        MBConvConfig(4, 3, 2, 8, 12, 2, 1.0, 1.0),
        MBConvConfig(4, 5, 2, 12, 16, 1, 1.0, 1.0),
    ]
    return EfficientNet(settings, dropout=0.2, num_classes=CLASSES, last_channel=32)


def mobilenet():
    block = partial(InvertedResidualConfig, dilation=1, width_mult=1.0)
    settings = [
        block(8, 3, 8, 8, True, "RE", 2),
        block(8, 3, 24, 16, False, "RE", 2),
        block(16, 5, 32, 16, True, "HS", 1),
        block(16, 5, 40, 24, True, "HS", 1),
    ]
    return MobileNetV3(settings, last_channel=32, num_classes=CLASSES)


def inception():
    """Inception-v3 at a sixteenth of the width, each kind of block once."""

    def conv(inputs, outputs, **kw):
        return BasicConv2d(inputs if inputs == 3 else inputs // 16, outputs // 16, **kw)

    blocks = [conv, *(partial(block, conv_block=conv) for block in (InceptionA, InceptionB, InceptionC, InceptionD, InceptionE)), InceptionAux]
    net = tv.Inception3(num_classes=CLASSES, aux_logits=False, init_weights=False, inception_blocks=blocks)
    net.Mixed_5d = net.Mixed_6c = net.Mixed_6d = net.Mixed_6e = net.Mixed_7c = nn.Identity()
    net.fc = nn.Linear(2048 // 16, CLASSES)
    return net


def regnet():
    return RegNet(BlockParams([1, 2, 1], [16, 24, 32], [8, 8, 16], [1.0, 1.0, 1.0], [2, 2, 2], 0.25), num_classes=CLASSES, stem_width=8)


def swin():
    # 10, then 5 tokens a side in windows of 2: shifted windows with masks, then padding.
    return SwinTransformer([4, 4], 8, [2, 1], [2, 2], [2, 2], mlp_ratio=2.0, num_classes=CLASSES)


def timm_vit():
    from timm.models.vision_transformer import VisionTransformer as TimmVit

    return TimmVit(img_size=48, patch_size=8, embed_dim=24, depth=2, num_heads=2, mlp_ratio=2.0, reg_tokens=2, qk_norm=True, init_values=1.0, num_classes=CLASSES)


def timm_convnext():
    from timm.models.convnext import ConvNeXt as TimmConvNeXt

    return TimmConvNeXt(depths=(1, 1, 1, 1), dims=(8, 12, 16, 20), num_classes=CLASSES, use_grn=True, conv_mlp=True, output_stride=32, ls_init_value=None)


def timm_resnetd():
    from timm.models.resnet import Bottleneck as TimmBottleneck
    from timm.models.resnet import ResNet as TimmResNet

    return TimmResNet(
        TimmBottleneck, [1, 1, 1, 1], channels=(4, 6, 8, 10), num_classes=CLASSES, stem_width=4, stem_type="deep",
        avg_down=True, block_args={"attn_layer": "eca"}, act_layer=nn.SiLU,
    )


def timm_maxvit():
    from timm.models.maxxvit import MaxxVit, MaxxVitCfg, MaxxVitConvCfg, MaxxVitTransformerCfg

    # MaxViT: MBConv, then attention within windows and within grids, on channels-first maps.
    config = MaxxVitCfg(
        embed_dim=(8, 16), depths=(1, 1), block_type=("M", "M"), stem_width=8, head_hidden_size=16,
        conv_cfg=MaxxVitConvCfg(expand_ratio=2.0), transformer_cfg=MaxxVitTransformerCfg(dim_head=8, expand_ratio=2.0, window_size=(3, 3), grid_size=(3, 3)),
    )
    return MaxxVit(config, img_size=48, num_classes=CLASSES)


TS11, TS13, TS17 = (("torchscript", opset, True) for opset in (11, 13, 17))
DYNAMO18, DYNAMO20, DYNAMO23 = (("dynamo", opset, False) for opset in (18, 20, 23))
DYNAMIC = ("dynamo", 20, True)


def torchvision_networks() -> dict[str, Network]:
    return {
        "densenet": Network(lambda: DenseNet(8, (2, 2, 2), 16, bn_size=2, num_classes=CLASSES), ["features.denseblock2"], exports=[TS11, DYNAMO18]),
        "resnet": Network(GroupedResNet, ["layer2"], exports=[TS13, DYNAMO20]),
        "vgg": Network(vgg, ["features.10"], size=32, exports=[TS11, DYNAMIC]),
        "efficientnet": Network(efficientnet, ["features.2"], exports=[TS17, DYNAMO20]),
        "mobilenet": Network(mobilenet, ["features.3"], exports=[TS13, DYNAMO18]),
        "convnext": Network(lambda: ConvNeXt([CNBlockConfig(12, 24, 1), CNBlockConfig(24, None, 2)], layer_scale=1.0, num_classes=CLASSES), ["features.1"], exports=[TS17, DYNAMIC]),
        "vit": Network(lambda: VisionTransformer(48, 8, 2, 2, 24, 48, num_classes=CLASSES), ["encoder.layers.encoder_layer_0"], size=48, exports=[TS17, DYNAMIC], class_tokens=1),
        "swin": Network(swin, ["features.1"], exports=[TS13, DYNAMO18], channels_last=True),
        # 75 pixels are the fewest that it takes.
        "inception": Network(inception, ["Mixed_5c"], size=75, exports=[TS17, DYNAMO20]),
        "regnet": Network(regnet, ["trunk_output.block2"], exports=[TS11, DYNAMIC]),
    }


def timm_networks() -> dict[str, Network]:
    return {
        "timm_vit": Network(timm_vit, ["blocks.0"], size=48, exports=[TS17, DYNAMO23], class_tokens=3),
        "timm_convnext": Network(timm_convnext, ["stages.0"], exports=[TS17, DYNAMO23]),
        "timm_resnetd": Network(timm_resnetd, ["layer2"], exports=[TS13, DYNAMO20]),
        # The dynamo exporter fails on its attention over grids.
        "timm_maxvit": Network(timm_maxvit, ["stages.0"], size=48, exports=[TS17]),
    }


def out_of_place(model):
    for module in model.modules():
        if getattr(module, "inplace", False):
            module.inplace = False
    return model


def prepared(build, seed, size, calibrate=True):
    """Random weights from a seed, batch-norm statistics from noise, in evaluation mode."""
    torch.manual_seed(seed)
    model = out_of_place(build())
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.3, 0.3)
            module.momentum = None
    for name, parameter in model.named_parameters():
        if "layer_scale" in name or name.endswith((".gamma", ".grn.weight", ".grn.bias")):
            nn.init.uniform_(parameter, 0.5, 1.5)
        elif parameter.dim() > 1 and parameter.abs().max() == 0:
            nn.init.normal_(parameter, std=parameter.shape[-1] ** -0.5)
    if calibrate:
        # Only the statistics are trained: dropout and stochastic depth stay off.
        model.eval()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.train()
        with torch.no_grad():
            model(torch.randn(8, 3, size, size))
    return model.eval()


def blobs(batch, size, seed):
    """Smooth random images: noise alone gives maps without structure."""
    rng = np.random.default_rng(seed)
    coarse = torch.from_numpy(rng.normal(size=(batch, 3, size // 8, size // 8)).astype(np.float32))
    fine = torch.from_numpy(rng.normal(size=(batch, 3, size, size)).astype(np.float32))
    return nn.functional.interpolate(coarse, size=(size, size), mode="bicubic") + 0.2 * fine


def module_at(model, path):
    for part in path.split("."):
        model = model[int(part)] if part.isdigit() else getattr(model, part)
    return model


def export(model, images, path, exporter="torchscript", opset=17, dynamic=True):
    names = dict(input_names=["input"], output_names=["output"], opset_version=opset)
    if exporter == "torchscript":
        torch.onnx.export(model, (images,), path, dynamo=False, dynamic_axes={"input": {0: "batch"}} if dynamic else None, **names)
        return
    shapes = ({0: torch.export.Dim("batch", min=1, max=64)},) if dynamic else None
    torch.onnx.export(model, (images,), path, dynamo=True, external_data=False, verbose=False, dynamic_shapes=shapes, **names)
    # Tracebacks and module paths of the exporting machine are of no use to anyone.
    proto = onnx.load(path)
    for node in proto.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in [*proto.graph.value_info, *proto.graph.input, *proto.graph.output]:
        del value.metadata_props[:]
    onnx.save(proto, path)


def onnx_value(path, images, wanted):
    """Name of the first ONNX value equal to `wanted`: exporters name values differently."""
    proto = onnx.load(path)
    names = [name for node in proto.graph.node for name in node.output if name]
    del proto.graph.output[:]
    proto.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    for name, value in zip(names, session.run(names, {"input": images.numpy()})):
        if value.shape == wanted.shape and value.dtype == np.float32 and np.abs(value - wanted).max() <= 1e-4 * max(1.0, np.abs(wanted).max()):
            return name
    raise SystemExit(f"no ONNX value of {os.path.basename(path)} equals the PyTorch activation")


def as_feature_map(value, network):
    """A layer's value as [N, C, H, W]: tokens without those before the patches, channels first."""
    if network.class_tokens is not None:
        patches = value[:, network.class_tokens :]
        side = round(patches.shape[1] ** 0.5)
        return patches.transpose(0, 2, 1).reshape(value.shape[0], -1, side, side)
    return value.transpose(0, 3, 1, 2) if network.channels_last else value


def gradients(model, images, classes, layer=None):
    """Logits, d sum(logit of each sample's class) / d images, and a module's output with the same derivative."""
    images = images.clone().requires_grad_(True)
    seen = []

    def add_nothing(_module, _inputs, output):
        # The gradient of a summand that is zero is the activation's, whatever is done to the sum in place.
        nothing = torch.zeros_like(output, requires_grad=True)
        seen.append((output.detach().clone(), nothing))
        return output + nothing

    hook = module_at(model, layer).register_forward_hook(add_nothing) if layer else None
    logits = model(images)
    chosen = logits[torch.arange(len(classes)), torch.as_tensor(classes)].sum()
    found = torch.autograd.grad(chosen, [images, *(nothing for _, nothing in seen)])
    if hook:
        hook.remove()
    arrays = [logits.detach(), found[0]] + ([seen[0][0], found[1]] if layer else [])
    return [array.numpy() for array in arrays]


def relative_l2(a, b):
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))
