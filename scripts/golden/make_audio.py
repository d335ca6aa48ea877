#!/usr/bin/env python3
"""Golden fixtures of audio input: one sound in every file format, what Python decodes of it, resampled, and as features.

    pip install torch transformers soundfile numpy
    python3 scripts/golden/make_audio.py test/golden/fixtures/audio

Files are written and read by libsndfile (through soundfile), which holds LAME, libvorbis, libopus and libFLAC; features are those of
transformers' extractors on the decoded samples. Resampling is the formula of torchaudio.functional.resample (`sinc_interp_hann`),
written out here as a convolution in float64.
"""
import io, math, os, sys
import numpy as np
import soundfile
import torch
import transformers
from transformers import ASTFeatureExtractor, Wav2Vec2FeatureExtractor, WhisperFeatureExtractor
from fungi_golden import pack, write_json

SEED = 20240506
RATE = 16000

FILES = {  # name -> container, encoding, sampling rate, channels
    "pcm8.wav": ("WAV", "PCM_U8", 8000, 1),
    "pcm16.wav": ("WAV", "PCM_16", 16000, 1),
    "stereo16.wav": ("WAV", "PCM_16", 11025, 2),
    "pcm24.wav": ("WAV", "PCM_24", 16000, 1),
    "pcm32.wav": ("WAV", "PCM_32", 16000, 1),
    "float32.wav": ("WAV", "FLOAT", 16000, 1),
    "float64.wav": ("WAV", "DOUBLE", 8000, 1),
    "alaw.wav": ("WAV", "ALAW", 8000, 1),
    "mulaw.wav": ("WAV", "ULAW", 8000, 1),
    "extensible.wav": ("WAVEX", "PCM_16", 16000, 2),
    "stereo.flac": ("FLAC", "PCM_16", 22050, 2),
    "mono.ogg": ("OGG", "VORBIS", 22050, 1),
    "stereo.mp3": ("MP3", "MPEG_LAYER_III", 22050, 2),
    "mono.opus": ("OGG", "OPUS", 48000, 1),
}

RATES = [(8000, 16000), (44100, 16000), (48000, 16000), (22050, 16000), (11025, 16000), (16000, 8000), (7919, 16000)]

EXTRACTORS = {
    "whisper": (WhisperFeatureExtractor, dict(feature_size=20, chunk_length=1)),
    "ast": (ASTFeatureExtractor, dict(max_length=48, num_mel_bins=32)),
    "ast-esc50": (ASTFeatureExtractor, dict(max_length=24, num_mel_bins=32, mean=-6.6268077, std=5.358466)),
    "wav2vec2": (Wav2Vec2FeatureExtractor, dict(do_normalize=True)),
}


def sound(rate, channels, seconds=0.25):
    """[n, channels]: a sweep and a tone that swells, with noise of its own in every channel."""
    t = np.arange(round(seconds * rate)) / rate
    rng = np.random.default_rng(SEED)
    tone = 0.3 * np.sin(2 * np.pi * (300 + 900 * t) * t) + 0.2 * t * np.sin(2 * np.pi * 1250 * t)
    return np.stack([tone * (1 - 0.3 * channel) + 0.01 * rng.standard_normal(len(t)) for channel in range(channels)], 1)


def encoded(container, encoding, rate, channels):
    file = io.BytesIO()
    soundfile.write(file, sound(rate, channels), rate, format=container, subtype=encoding)
    return file.getvalue()


def resample(x, source, target, width=6, rolloff=0.99):
    """x [n] -> [ceil(n target / source)]: torchaudio's kernels [target, taps], applied with stride source."""
    divisor = math.gcd(source, target)
    source, target = source // divisor, target // divisor
    base = min(source, target) * rolloff
    reach = math.ceil(width * source / base)
    index = np.arange(-reach, reach + source) / source
    t = np.clip((np.arange(0, -target, -1)[:, None] / target + index) * base, -width, width)
    window = np.cos(t * np.pi / width / 2) ** 2
    kernels = np.sinc(t) * window * base / source
    padded = np.concatenate([np.zeros(reach), x, np.zeros(reach + source)])
    starts = np.arange(0, len(x) // source + 1) * source
    out = np.stack([kernels @ padded[start:start + kernels.shape[1]] for start in starts]).reshape(-1)
    return out[:math.ceil(len(x) * target / source)]


def main(out):
    os.makedirs(out, exist_ok=True)
    decoded = {}
    for name, form in FILES.items():
        data = encoded(*form)
        with open(f"{out}/{name}", "wb") as file:
            file.write(data)
        samples, rate = soundfile.read(io.BytesIO(data), dtype="float64", always_2d=True)
        decoded[name] = {"rate": rate, "channels": samples.shape[1], "samples": pack(samples.mean(1), "f32")}
        print(f"{name:16s} {len(data):7d} bytes, {len(samples)} samples at {rate} Hz")

    clip = np.random.default_rng(SEED).integers(-100, 101, 700) / 128
    resampled = {f"{a}/{b}": pack(resample(clip, a, b), "f32") for a, b in RATES}

    waveform, _ = soundfile.read(f"{out}/pcm16.wav", dtype="float32")
    features = {}
    for name, (extractor, config) in EXTRACTORS.items():
        made = extractor(**config)
        for length, part in (("whole", waveform), ("short", waveform[:2000])):
            values = made(part, sampling_rate=RATE, return_tensors="np")
            features.setdefault(name, {"config": made.to_dict()})[length] = pack(values[made.model_input_names[0]][0], "f32")
        features[name]["config"].pop("mel_filters", None)
    write_json(f"{out}/expected.json", {
        "provenance": {"seed": SEED, "torch": torch.__version__, "transformers": transformers.__version__, "numpy": np.__version__,
                       "soundfile": soundfile.__version__, "libsndfile": soundfile.__libsndfile_version__},
        "decoded": decoded, "clip": pack(clip, "f32"), "resampled": resampled, "features": features,
    })


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1])
