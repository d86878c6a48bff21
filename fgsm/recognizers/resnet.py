"""The course project's own residual network.

Basic residual blocks as in He et al., "Deep Residual Learning for Image Recognition" (CVPR 2016), but in five stages
and with biased convolutions. Modules carry the course project's names, so its state dicts load unchanged.
"""

from torch import Tensor, nn

BLOCKS = (3, 4, 6, 3, 2)
CHANNELS = (64, 128, 256, 512, 1024)


class BasicBlock(nn.Module):
    """Two biased 3x3 convolutions, each with batch norm, around a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, padding=1), nn.BatchNorm2d(outputs), nn.ReLU())
        normalisation = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Sequential(nn.Conv2d(outputs, outputs, 3, padding=1), normalisation)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        self.relu = nn.ReLU()
        # A residual branch that starts at zero lets a deep network train from scratch (Goyal et al. 2017, section 5.1).
        nn.init.zeros_(normalisation.weight)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        outputs: Tensor = self.relu(self.conv2(self.conv1(x)) + shortcut)
        return outputs


class ResNet(nn.Module):
    """Normalised images (N, 3, H, W) to logits (N, num_classes); 54.9 M parameters at 31 classes."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(
            nn.Conv2d(3, CHANNELS[0], 7, stride=2, padding=3, bias=False), nn.BatchNorm2d(CHANNELS[0]), nn.ReLU()
        )
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        inputs = CHANNELS[0]
        for stage, (blocks, outputs) in enumerate(zip(BLOCKS, CHANNELS, strict=True)):
            first = BasicBlock(inputs, outputs, stride=1 if stage == 0 else 2)
            rest = [BasicBlock(outputs, outputs) for _ in range(blocks - 1)]
            self.add_module(f"layer{stage}", nn.Sequential(first, *rest))
            inputs = outputs
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(inputs, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.conv1(x))  # (N, 64, H/4, W/4)
        for stage in range(len(BLOCKS)):
            x = self.get_submodule(f"layer{stage}")(x)  # (N, CHANNELS[stage], H / 2^(2 + stage), ...)
        logits: Tensor = self.fc(self.avgpool(x).flatten(1))
        return logits
