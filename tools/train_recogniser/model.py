"""The recogniser: PP-OCRv6 tiny rebuilt in PyTorch, with one step per 4 pixels, context blocks and a Russian and Latin head.

Against the original (Apache-2.0):
  * BatchNorm is folded into the convolutions;
  * the last pooling has stride 1 along the width, so a step is 4 pixels and not 8 (narrow doubled signs such as "ll" or "..." need it),
    and the neck's kernel is dilated by 2 to match;
  * residual context blocks, the identity at first, follow the neck: a word's other letters tell "с" from "c";
  * the head has the classes of charset.py and not 6906.
"""
import torch
from torch import nn
from torch.nn import functional as F

from charset import NUM_CLASSES

# Input channels, hidden, output channels, stride, width of the squeeze (0: none), residual.
BLOCKS = [(48, 96, 48, 1, 12, True), (48, 96, 48, 1, 0, True), (48, 96, 96, 2, 0, False),
          (96, 192, 96, 1, 24, True), (96, 192, 96, 1, 0, True), (96, 192, 160, 2, 0, False),
          (160, 320, 160, 1, 40, True), (160, 320, 160, 1, 0, True), (160, 320, 160, 1, 0, True)]
CONTEXT = ((9, 1), (9, 2), (9, 4))  # kernel, dilation


class SqueezeExcite(nn.Module):
    """Channels weighted by what the whole crop holds."""

    def __init__(self, channels, squeezed):
        super().__init__()
        self.down, self.up = nn.Conv2d(channels, squeezed, 1), nn.Conv2d(squeezed, channels, 1)

    def forward(self, x):
        s = self.up(F.relu(self.down(x.mean((2, 3), keepdim=True))))
        return x * torch.clamp(s * 0.16666670143604279 + 0.5, 0, 1)  # the original's own slope, to its last digit


class Block(nn.Module):
    """Depthwise 3×3, perhaps squeeze and excite, then an expand and project pair."""

    def __init__(self, channels, hidden, out, stride, squeezed, residual):
        super().__init__()
        self.dw = nn.Conv2d(channels, channels, 3, (stride, 1), 1, groups=channels)
        self.se = SqueezeExcite(channels, squeezed) if squeezed else None
        self.expand, self.project = nn.Conv2d(channels, hidden, 1), nn.Conv2d(hidden, out, 1)
        self.residual = residual

    def forward(self, x):
        x = self.dw(x)
        if self.se is not None:
            x = self.se(x)
        y = self.project(F.gelu(self.expand(x)))
        return x + y if self.residual else y


class ContextBlock(nn.Module):
    """Residual block along the width; its projection starts at zero, so it starts as the identity."""

    def __init__(self, channels, hidden, kernel, dilation):
        super().__init__()
        reach = (0, kernel // 2 * dilation)
        self.dw = nn.Conv2d(channels, channels, (1, kernel), padding=reach, dilation=(1, dilation), groups=channels)
        self.expand, self.project = nn.Conv2d(channels, hidden, 1), nn.Conv2d(hidden, channels, 1)
        nn.init.zeros_(self.project.weight)
        nn.init.zeros_(self.project.bias)

    def forward(self, x):
        return x + self.project(F.gelu(self.expand(self.dw(x))))


class LineRecogniser(nn.Module):
    """BGR crops (N, 3, 48, W) in [−1, 1] -> logits (N, W / 4, classes); not `dense`: (N, W / 8, classes), as the original."""

    def __init__(self, num_classes=NUM_CLASSES, dense=True, context=CONTEXT, context_hidden=256):
        super().__init__()
        self.dense = dense
        self.stem1, self.stem2 = nn.Conv2d(3, 24, 3, 2, 1), nn.Conv2d(24, 48, 3, 2, 1)
        self.blocks = nn.Sequential(*[Block(*block) for block in BLOCKS])
        d = 2 if dense else 1
        self.neck_dw = nn.Conv2d(160, 160, (1, 5), padding=(0, 2 * d), dilation=(1, d), groups=160)
        self.neck_pw = nn.Conv2d(160, 160, 1)
        self.context = nn.Sequential(*[ContextBlock(160, context_hidden, kernel, dilation) for kernel, dilation in context])
        self.squeeze, self.head = nn.Linear(160, 80), nn.Linear(80, num_classes)

    def forward(self, x):
        x = self.blocks(self.stem2(F.gelu(self.stem1(x))))
        if self.dense:
            x = F.avg_pool2d(F.pad(x, (0, 1, 0, 0)), (3, 2), (3, 1))
        else:
            x = F.avg_pool2d(x, (3, 2), (3, 2))
        x = F.hardswish(self.neck_pw(F.hardswish(self.neck_dw(x))))
        x = self.context(x).squeeze(2).transpose(1, 2)
        return self.head(self.squeeze(x))
