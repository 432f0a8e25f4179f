"""Is any picture format of "cloud only" used wastefully? Our bytes against other options'.

    python benchmarks/picture_settings.py [WIDTHxHEIGHT]

For each other set of encoder options: the bytes that ours need for the same
PSNR (interpolated over log bytes), as a ratio to theirs at each quality. Above
1 the other options are better than ours.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable

import numpy as np
from PIL import Image
from skimage import data

from cofeat.image import parse_size, resize_image
from cofeat.pictures import decode_picture, encode_picture
from cofeat.tasks.reconstruction import psnr_db

QUALITIES = {
    "jpeg": (10, 20, 40, 60, 75, 85, 95),
    "webp": (10, 20, 45, 70, 80, 90),
    "avif": (10, 20, 35, 50, 65, 80, 90),
}
OTHERS: dict[str, tuple[dict[str, object], ...]] = {
    "jpeg": tuple(
        {"subsampling": chroma, "optimize": optimize, "progressive": progressive}
        for chroma in ("4:2:0", "4:4:4")
        for optimize, progressive in ((False, False), (True, False), (True, True))
    ),
    "webp": ({"method": 4}, {"method": 6, "use_sharp_yuv": True}),
    "avif": tuple(
        {"speed": speed, "subsampling": chroma}
        for speed, chroma in ((2, "4:4:4"), (4, "4:2:0"), (6, "4:4:4"), (8, "4:4:4"))
    ),
}


def pictures(size: tuple[int, int]) -> list[np.ndarray]:
    """Ordinary photographs that come with scikit-image."""
    motorcycle = data.stereo_motorcycle()[0]
    photographs = (data.astronaut(), data.coffee(), data.chelsea(), data.rocket(), motorcycle)
    return [resize_image(photograph, size) for photograph in photographs]


def measure(
    images: list[np.ndarray], encode: Callable[[np.ndarray], bytes]
) -> tuple[float, float, float]:
    """Return (mean bytes, mean PSNR in dB, mean ms to encode)."""
    start = time.perf_counter()
    files = [encode(image) for image in images]
    encode_ms = 1000 * (time.perf_counter() - start) / len(images)
    psnrs = [
        psnr_db(decode_picture(file), image) for file, image in zip(files, images, strict=True)
    ]
    return float(np.mean([len(file) for file in files])), float(np.mean(psnrs)), encode_ms


def with_pillow(image: np.ndarray, name: str, options: dict[str, object]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, name.upper(), **options)
    return file.getvalue()


def main() -> None:
    size = parse_size(sys.argv[1] if len(sys.argv) > 1 else "512x256")
    images = pictures(size)
    for name, qualities in QUALITIES.items():
        ours = [
            measure(images, lambda i, n=name, q=q: encode_picture(i, f"{n}:{q}")) for q in qualities
        ]
        print(f"{name} as we use it")
        for quality, (mean_bytes, psnr, encode_ms) in zip(qualities, ours, strict=True):
            print(f"  {quality:3d}  {mean_bytes:8.0f} bytes  {psnr:6.2f} dB  {encode_ms:7.1f} ms")
        log_bytes, psnrs = [np.log(point[0]) for point in ours], [point[1] for point in ours]
        for options in OTHERS[name]:
            theirs = [
                measure(images, lambda i, n=name, o={**options, "quality": q}: with_pillow(i, n, o))
                for q in qualities
            ]
            ratios = [
                f"{np.exp(np.interp(psnr, psnrs, log_bytes)) / mean_bytes:.2f}"
                for mean_bytes, psnr, _ in theirs
                if psnrs[0] <= psnr <= psnrs[-1]
            ]
            slower = np.mean([point[2] for point in theirs]) / np.mean([point[2] for point in ours])
            told = ", ".join(f"{key} {value}" for key, value in options.items())
            print(f"  {told}: {' '.join(ratios)}; {slower:.2f} of our time")


if __name__ == "__main__":
    main()
