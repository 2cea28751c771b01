"""The weights we start from: PP-OCRv6 tiny's, read out of its ONNX file into the rebuilt network.

Run by itself it checks that the rebuilt network computes what ONNX Runtime computes.
"""
import numpy as np
import onnx
import torch
from onnx import numpy_helper

from charset import CHARS, LATIN_TWIN, NUM_CLASSES
from model import LineRecogniser
from paths import SOURCE_DICT, SOURCE_ONNX

SOURCE_CLASSES = 6906


def constants():
    """Nodes in graph order, and every constant by name."""
    graph = onnx.load(SOURCE_ONNX).graph
    named = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    named |= {n.output[0]: numpy_helper.to_array(n.attribute[0].t) for n in graph.node if n.op_type == "Constant"}
    return list(graph.node), named


def put(convolution, weight, bias):
    """Copies both into the layer; shapes must agree."""
    assert tuple(convolution.weight.shape) == weight.shape, (convolution, weight.shape)
    convolution.weight.data.copy_(torch.from_numpy(np.array(weight)))
    convolution.bias.data.copy_(torch.from_numpy(np.array(bias).reshape(-1)))


def load(net):
    """Copies the original's backbone and neck into `net`; returns the original head: weight (classes, 80) and bias."""
    nodes, w = constants()

    def folded(weight, norm):
        scale = w[norm + ".w_0"] / np.sqrt(w[norm + ".w_2"] + 1e-5)
        return w[weight] * scale[:, None, None, None], w[norm + ".b_0"] - w[norm + ".w_1"] * scale

    # In the blocks each convolution is followed by an Add of its bias; graph order is the order of the layers.
    followed = zip(nodes, nodes[1:])
    biased = [(w[a.input[1]], w[b.input[1]]) for a, b in followed if a.op_type == "Conv" and b.op_type == "Add" and b.input[1] in w]
    layers = []
    for block in net.blocks:
        layers += [block.dw] + ([block.se.down, block.se.up] if block.se is not None else []) + [block.expand, block.project]
    assert len(layers) == len(biased), (len(layers), len(biased))
    for layer, (weight, bias) in zip(layers, biased):
        put(layer, weight, bias)
    put(net.stem1, *folded("conv2d_0.w_0", "batch_norm2d_0"))
    put(net.stem2, *folded("conv2d_1.w_0", "batch_norm2d_1"))
    put(net.neck_dw, *folded("p2o.pd_op.unsqueeze.0.0", "batch_norm1d_0"))
    put(net.neck_pw, *folded("p2o.pd_op.unsqueeze.2.0", "batch_norm1d_1"))
    net.squeeze.weight.data.copy_(torch.from_numpy(w["linear_0.w_0"].T.copy()))
    net.squeeze.bias.data.copy_(torch.from_numpy(w["linear_0.b_0"].copy()))
    return w["linear_1.w_0"].T.copy(), w["linear_1.b_0"].copy()


def rows():
    """Sign -> row of the original head: 0 is the blank, the last row the space."""
    signs = SOURCE_DICT.read_text(encoding="utf-8").split("\n")[:-1]
    return {sign: i + 1 for i, sign in enumerate(signs)} | {" ": len(signs) + 1}


def pretrained():
    """A recogniser to train: the original's backbone, head rows copied where the sign or a Latin twin is known."""
    net = LineRecogniser()
    weight, bias = load(net)
    known, spread = rows(), float(weight.std())
    assert len(bias) == max(known.values()) + 1, (len(bias), max(known.values()))
    head_weight, head_bias = net.head.weight.data, net.head.bias.data
    head_weight[0], head_bias[0] = torch.from_numpy(weight[0]), float(bias[0])
    copied = twins = 0
    for i, sign in enumerate(CHARS, start=1):
        row = known.get(sign, known.get(LATIN_TWIN.get(sign)))
        if row is None:
            head_weight[i], head_bias[i] = torch.randn(80) * spread, float(np.median(bias))
            continue
        twin = sign not in known  # some noise, or two classes would start as one
        head_weight[i] = torch.from_numpy(weight[row]) + torch.randn(80) * (0.3 * spread if twin else 0.0)
        head_bias[i] = float(bias[row])
        copied, twins = copied + (not twin), twins + twin
    print(f"head: {copied} rows copied, {twins} from twins, {len(CHARS) - copied - twins} random")
    return net


def check():
    """Largest difference between ONNX Runtime on the original file and the rebuilt network with its weights."""
    import onnxruntime
    net = LineRecogniser(num_classes=SOURCE_CLASSES, dense=False, context=())
    put_head = load(net)
    net.head.weight.data.copy_(torch.from_numpy(put_head[0]))
    net.head.bias.data.copy_(torch.from_numpy(put_head[1]))
    x = np.random.default_rng(0).uniform(-1, 1, (2, 3, 48, 328)).astype(np.float32)
    want = onnxruntime.InferenceSession(str(SOURCE_ONNX), providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
    with torch.inference_mode():
        got = net.eval()(torch.from_numpy(x)).softmax(-1).numpy()
    difference = float(np.abs(want - got).max())
    assert want.shape == got.shape and difference < 1e-3, (want.shape, got.shape, difference)
    return difference


if __name__ == "__main__":
    print(f"rebuilt network against ONNX Runtime: max difference {check():.1e}")
    print(f"{sum(p.numel() for p in pretrained().parameters())} parameters, {NUM_CLASSES} classes")
