#!/usr/bin/env python3
"""Golden fixture of image preprocessing: what transformers' image processors do of a picture, done by Pillow and numpy.

    pip install pillow numpy
    python3 scripts/golden/make_images.py test/golden/fixtures/images

Each case has a picture (PNG, base64), the members of preprocessor_config.json, and `input` [3,H,W]. `patches` and `crops` hold views of
some: a box of the framed input or of the picture, resampled to the input's size. Arrays as in test/golden/README.md. Two runs write the
same bytes.
"""
import base64, io, json, os, sys
import numpy as np
from PIL import Image

SEED = 20240505
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
KERNELS = {0: Image.NEAREST, 1: Image.LANCZOS, 2: Image.BILINEAR, 3: Image.BICUBIC}


def array(values):
    values = np.ascontiguousarray(values, dtype="<f4")
    return {"shape": list(values.shape), "f32": base64.b64encode(values.tobytes()).decode()}


def picture(rng, width, height):
    """Smooth shapes and some noise: edges show half a pixel of shift, flat noise would not."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [127 + 90 * np.sin(x / (2.5 + c) + c) * np.cos(y / (3.1 + c)) for c in range(3)]
    noise = rng.integers(-12, 13, (height, width, 3))
    return Image.fromarray(np.clip(np.stack(planes, -1) + noise, 0, 255).astype(np.uint8))


def resized(image, config):
    size, kernel = config["size"], KERNELS[config["resample"]]
    if "shortest_edge" in size:
        w, h = image.size
        s, short = size["shortest_edge"], min(image.size)
        return image.resize((int(s * w / short), int(s * h / short)), kernel)
    return image.resize((size["width"], size["height"]), kernel)


def framed(image, config):
    pixels = np.asarray(resized(image, config) if config.get("do_resize", True) else image)
    if config.get("do_center_crop"):
        h, w = config["crop_size"]["height"], config["crop_size"]["width"]
        H, W = max(h, pixels.shape[0]), max(w, pixels.shape[1])
        padded = np.zeros((H, W, 3), np.uint8)
        top, left = -(-(H - pixels.shape[0]) // 2), -(-(W - pixels.shape[1]) // 2)
        padded[top:top + pixels.shape[0], left:left + pixels.shape[1]] = pixels
        top, left = (H - h) // 2, (W - w) // 2
        pixels = padded[top:top + h, left:left + w]
    return pixels


def normalised(pixels, config):
    x = np.asarray(pixels, np.float64)
    if config.get("do_rescale", True):
        x = x * config.get("rescale_factor", 1 / 255)
    if config.get("do_normalize", True):
        x = (x - config["image_mean"]) / config["image_std"]
    return array(x.transpose(2, 0, 1))


def main(out):
    rng = np.random.default_rng(SEED)
    clip = {"size": {"shortest_edge": 24}, "do_center_crop": True, "crop_size": {"height": 20, "width": 20},
            "resample": 3, "image_mean": MEAN, "image_std": STD, "do_normalize": True}
    vit = {"size": {"height": 20, "width": 20}, "resample": 2, "image_mean": [0.5] * 3, "image_std": [0.5] * 3, "do_normalize": True}
    plain = {"size": {"height": 18, "width": 22}, "resample": 1, "do_normalize": False}
    nearest = {"size": {"height": 12, "width": 12}, "resample": 0, "do_normalize": False, "do_rescale": False}
    untouched = {"do_resize": False, "do_center_crop": True, "crop_size": {"height": 20, "width": 20}, "do_normalize": False}
    cases = []
    for name, config, (w, h) in [
        ("shrunk and cropped, wide", clip, (61, 40)), ("shrunk and cropped, high", clip, (30, 77)), ("enlarged and cropped", clip, (15, 11)),
        ("shrunk to a size", vit, (50, 47)), ("enlarged to a size", vit, (9, 8)), ("one axis each way", vit, (64, 9)),
        ("lanczos, not normalised", plain, (66, 54)), ("nearest", nearest, (36, 24)), ("larger than the crop", untouched, (33, 28)),
        ("smaller than the crop", untouched, (13, 30)),
    ]:
        image = picture(rng, w, h)
        png = io.BytesIO()
        image.save(png, "PNG")
        case = {"name": name, "config": config, "png": base64.b64encode(png.getvalue()).decode(), "width": w, "height": h,
                "input": normalised(framed(image, config), config)}
        if config is clip:
            frame, kernel = Image.fromarray(framed(image, config)), KERNELS[config["resample"]]
            patch = lambda r, c: frame.crop((c, r, c + 10, r + 10)).resize((20, 20), kernel)  # of 10, stride int(10/6) = 1
            case["patches"] = [{"row": r, "column": c, "input": normalised(patch(r, c), config)} for r, c in [(0, 0), (3, 5), (6, 6)]]
            box = (2, 1, 2 + 9, 1 + 8)
            case["crops"] = [{"left": 2, "top": 1, "width": 9, "height": 8,
                              "input": normalised(image.crop(box).resize((20, 20), kernel), config)}]
        cases.append(case)
    os.makedirs(out, exist_ok=True)
    with open(f"{out}/images.json", "w") as file:
        json.dump({"cases": cases}, file, indent=1)


if __name__ == "__main__":
    main(sys.argv[1])
