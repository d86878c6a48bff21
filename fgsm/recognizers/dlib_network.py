"""dlib's network for faces, which tells people apart by distances and so knows nobody in particular.

Trained by Davis King on about three million faces of 7,485 people and given to the public domain (CC0) as
`dlib_face_recognition_resnet_model_v1`, see https://github.com/davisking/dlib-models. As published there, 99.38% of the
pairs in Labeled Faces in the Wild are told right when faces nearer than 0.6 are taken for one person's. It has 29
layers of He et al., "Deep Residual Learning for Image Recognition" (CVPR 2016), with half the filters.

`tools/convert_dlib.py` reads its weights. After each convolution, dlib multiplies every channel by a number and adds
another, which is what batch normalisation comes to once trained; here both are in the convolution's own weights.
"""

import torch.nn.functional as F
from torch import Tensor, nn

INPUT_SIZE = 150  # pixels; a face with a quarter of its size around it
MEAN = (122.782 / 255, 117.001 / 255, 104.298 / 255)  # of red, green and blue, for pixels in [0, 1]
STD = (256 / 255,) * 3
CHANNELS = (32, 32, 32, 64, 64, 64, 64, 128, 128, 128, 256, 256, 256, 256)  # a block each
HALVING = (3, 7, 10, 13)  # the blocks that halve height and width
EMBEDDING = 128  # numbers


class DlibBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut that has no weights: (N, inputs, H, W) to (N, outputs, H', W').

    H' and W' are H and W or, in a block that halves, H // 2 and W // 2. What is missing on either side of the sum is
    zeros: the shortcut's last channels and, where H or W is even, the last row or column of the convolutions, which
    are not padded where they halve.
    """

    def __init__(self, inputs: int, outputs: int, halves: bool) -> None:
        super().__init__()
        self.halves = halves
        stride, padding = (2, 0) if halves else (1, 1)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(F.relu(self.conv1(x)))
        if self.halves:
            x = F.avg_pool2d(x, 2)
            y = F.pad(y, (0, x.shape[3] - y.shape[3], 0, x.shape[2] - y.shape[2]))
            x = F.pad(x, (0, 0, 0, 0, 0, y.shape[1] - x.shape[1]))
        return F.relu(x + y)


class DlibNetwork(nn.Module):
    """Normalised images (N, 3, 150, 150) to embeddings (N, 128), of any length; 5.6 M parameters.

    Pixels in [0, 1] are normalised with MEAN and STD. Two faces of one person lie nearer than 0.6 as published.
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, CHANNELS[0], 7, stride=2)
        inputs = (CHANNELS[0], *CHANNELS)
        self.blocks = nn.Sequential(*(DlibBlock(inputs[i], CHANNELS[i], i in HALVING) for i in range(len(CHANNELS))))
        self.fc = nn.Linear(CHANNELS[-1], EMBEDDING, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv(x)), 3, stride=2)  # (N, 32, 35, 35)
        x = self.blocks(x)  # (N, 256, 2, 2)
        embeddings: Tensor = self.fc(x.mean((2, 3)))
        return embeddings
