#!/usr/bin/env python3
"""Golden fixture of image augmentations: what torchvision and Pillow make of a picture when told what has been drawn.

    pip install torch torchvision pillow numpy
    python3 scripts/golden/make_edits.py test/golden/fixtures/images

Those of DINO's DataAugmentationDINO (github.com/facebookresearch/dino, main_dino.py and utils.py): RandomHorizontalFlip, ColorJitter,
RandomGrayscale, Pillow's GaussianBlur and solarize. `pixels` are base64 of [H,W,3] bytes. Two runs write the same bytes.
"""
import base64, json, os, sys
import numpy as np
import PIL
import torchvision
from PIL import Image, ImageFilter, ImageOps
from torchvision.transforms import functional as F

SEED = 20240507
EDITS = {
    "flip": lambda image, _: F.hflip(image),
    "grey": lambda image, _: F.rgb_to_grayscale(image, num_output_channels=3),
    "solarize": lambda image, _: ImageOps.solarize(image),
    "brightness": F.adjust_brightness,
    "contrast": F.adjust_contrast,
    "saturation": F.adjust_saturation,
    "hue": F.adjust_hue,
    "blur": lambda image, radius: image.filter(ImageFilter.GaussianBlur(radius=radius)),
}
AMOUNTS = {
    "brightness": (0, 0.6, 0.873, 1, 1.129, 1.4),
    "contrast": (0, 0.6, 0.951, 1.4),
    "saturation": (0, 0.8, 1.077, 1.2),
    "hue": (-0.5, -0.1, -0.043, 0, 0.001, 0.1, 0.5),
    "blur": (0.1, 0.37, 0.9, 1.31, 2.0, 6.5),
}
CHAINS = (
    [("flip",), ("hue", 0.07), ("brightness", 1.21), ("saturation", 0.85), ("contrast", 0.71), ("blur", 1.7)],
    [("contrast", 1.33), ("saturation", 1.13), ("brightness", 0.64), ("hue", -0.09), ("grey",), ("blur", 0.4), ("solarize",)],
)


def pictures(rng):
    """Smooth shapes with noise; noise alone, with all levels of a byte; a line of pixels, shorter than a blur reaches."""
    y, x = np.mgrid[0:20, 0:27]
    planes = [127 + 120 * np.sin(x / (2.5 + c) + c) * np.cos(y / (3.1 + c)) for c in range(3)]
    smooth = np.stack(planes, -1) + rng.integers(-9, 10, (20, 27, 3))
    grey = np.repeat(rng.integers(0, 256, (6, 7, 1)), 3, -1)
    return [np.clip(array, 0, 255).astype(np.uint8) for array in (smooth, rng.integers(0, 256, (31, 33, 3)), grey, rng.integers(0, 256, (1, 3, 3)))]


def packed(image):
    return base64.b64encode(np.asarray(image, np.uint8).tobytes()).decode()


def main(out):
    chains = [[(name,)] for name in EDITS if name not in AMOUNTS]
    chains += [[(name, amount)] for name, amounts in AMOUNTS.items() for amount in amounts]
    chains += CHAINS
    sources, cases = pictures(np.random.default_rng(SEED)), []
    for number, pixels in enumerate(sources):
        for chain in chains:
            image = Image.fromarray(pixels)
            for name, *amount in chain:
                image = EDITS[name](image, *(amount or (None,)))
            edits = [{"kind": name, **({"amount": amount[0]} if amount else {})} for name, *amount in chain]
            cases.append({"picture": number, "edits": edits, "pixels": packed(image)})
    golden = {
        "torchvision": torchvision.__version__, "pillow": PIL.__version__, "seed": SEED,
        "pictures": [{"width": p.shape[1], "height": p.shape[0], "pixels": packed(p)} for p in sources],
        "cases": cases,
    }
    os.makedirs(out, exist_ok=True)
    with open(f"{out}/edits.json", "w") as file:
        json.dump(golden, file, indent=1)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
