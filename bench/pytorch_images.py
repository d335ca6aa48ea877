#!/usr/bin/env python3
"""PyTorch beside us, driven by images-against-pytorch.ts: reads a task a line on standard input, answers "done".

    python3 bench/pytorch_images.py IMAGE ...

Tasks: embed <batch> (transformers' Dinov2Model, sdpa, inference mode); kl, simclr, dino <batch>: fungivision, float32. The model has
DINOv2-S/14's shape and random weights, on which no time depends, and its position embeddings are those of 224 x 224: nothing is
interpolated. SimCLR and DINO take the first image alone.
"""
import sys, warnings

sys.path.pop(0)  # torchvision looks for a package "pytorch", and would find the script beside this one

import torch
from PIL import Image
from torchvision.transforms import v2 as tf
from transformers import Dinov2Config, Dinov2Model
from fungivision.config import DINOConfig, KLConfig, SimCLRConfig
from fungivision.wrapper import FUNGIWrapper

warnings.filterwarnings("ignore")
torch.set_num_threads(2)
files = sys.argv[1:]
shape = dict(hidden_size=384, num_hidden_layers=12, num_attention_heads=6, patch_size=14, image_size=224)


class Backbone(torch.nn.Module):
    """The class token, which fungivision takes for the embedding."""

    def __init__(self):
        super().__init__()
        self.m = Dinov2Model(Dinov2Config(**shape)).eval()

    def forward(self, x):
        return self.m(pixel_values=x).last_hidden_state[:, 0]


plain = Backbone()
layer = next(n for n, _ in plain.named_modules() if n.endswith(("layer.11.attention.o_proj", "layer.11.attention.output.dense")))
transform = tf.Compose([
    tf.Resize(256, interpolation=tf.InterpolationMode.BICUBIC), tf.CenterCrop(224), tf.ToImage(), tf.ToDtype(torch.float32, scale=True),
    tf.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
])


def read(paths):
    return [Image.open(path).convert("RGB") for path in paths]


def fungi(config):
    # A model of its own: each wrapper adds hooks.
    wrapper = FUNGIWrapper(model=Backbone(), target_layer=layer, device=torch.device("cpu"), extractor_configs=[config])
    wrapper.setup([(image, 0) for image in read(files[:2])])
    return wrapper


CONFIGS = {"kl": lambda: KLConfig(temperature=15), "dino": DINOConfig, "simclr": lambda: SimCLRConfig(comparison_batch_size=2)}
made = {}


def embed(batch):
    with torch.inference_mode():
        for i in range(0, len(files), batch):
            plain(torch.stack([transform(image) for image in read(files[i:i + batch])]))


def gradients(name, batch):
    if name not in made:
        made[name] = fungi(CONFIGS[name]())
    chosen = files if name == "kl" else files[:1]
    for i in range(0, len(chosen), batch):
        made[name](read(chosen[i:i + batch]))


for line in sys.stdin:
    name, batch = line.split()
    embed(int(batch)) if name == "embed" else gradients(name, int(batch))
    print("done", flush=True)
