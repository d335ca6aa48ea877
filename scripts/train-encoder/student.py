"""The student: a small encoder whose residual stream begins as a good sentence vector and whose blocks begin as the identity."""
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Shape:
    tokens: int = 18000
    width: int = 256
    heads: int = 4
    layers: int = 3
    inner: int = 512
    positions: int = 128


class Block(nn.Module):
    """Normalisation before attention and before the two products; no other dropout or scale."""

    def __init__(self, shape):
        super().__init__()
        self.heads = shape.heads
        self.norm1 = nn.LayerNorm(shape.width)
        self.query = nn.Linear(shape.width, shape.width)
        self.key = nn.Linear(shape.width, shape.width)
        self.value = nn.Linear(shape.width, shape.width)
        self.output = nn.Linear(shape.width, shape.width)
        self.norm2 = nn.LayerNorm(shape.width)
        self.up = nn.Linear(shape.width, shape.inner)
        self.down = nn.Linear(shape.inner, shape.width)
        for part in (self.query, self.key, self.value, self.up):
            nn.init.normal_(part.weight, std=0.05)
            nn.init.zeros_(part.bias)
        for part in (self.output, self.down):
            nn.init.zeros_(part.weight)
            nn.init.zeros_(part.bias)

    def forward(self, x, bias):
        """x [B,T,D], bias [B,1,1,T]: 0 at tokens, very negative at padding."""
        b, t, d = x.shape
        h = self.norm1(x)
        q, k, v = (part(h).view(b, t, self.heads, d // self.heads).transpose(1, 2) for part in (self.query, self.key, self.value))
        # By hand: the fused attention's derivative is slow for short texts on a CPU.
        a = (q @ k.transpose(2, 3) * (d // self.heads) ** -0.5 + bias).softmax(-1) @ v
        x = x + self.output(a.transpose(1, 2).reshape(b, t, d))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Student(nn.Module):
    def __init__(self, shape=Shape()):
        super().__init__()
        self.shape = shape
        self.words = nn.Embedding(shape.tokens, shape.width)
        self.places = nn.Parameter(torch.zeros(shape.positions, shape.width))
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))

    def states(self, ids, mask):
        """Token states, [B,T,D]."""
        x = self.words(ids) + self.places[:ids.shape[1]]
        bias = (1.0 - mask[:, None, None, :].float()) * -1e4
        for block in self.blocks:
            x = block(x, bias)
        return x

    def forward(self, ids, mask):
        """The mean of the states, [B,D], of unit length."""
        m = mask[:, :, None].float()
        return F.normalize((self.states(ids, mask).float() * m).sum(1) / m.sum(1), dim=-1)
