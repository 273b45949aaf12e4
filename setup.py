"""Packaging: kernels/ and cli/ lie at the top of the checkout and install inside tinygzsl."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(
    r'^__version__ = "([^"]+)"$', (HERE / "tinygzsl" / "version.py").read_text("utf-8"), re.M
).group(1)
FOLDERS = {"tinygzsl": "tinygzsl", "tinygzsl.kernels": "kernels", "tinygzsl.cli": "cli"}

setup(
    name="tinygzsl",
    version=VERSION,
    description="Generalized zero-shot learning in NumPy and Numba, no deep-learning framework",
    long_description=(HERE / "README.md").read_text("utf-8"),
    long_description_content_type="text/markdown",
    author="the tinygzsl developers",
    license="MIT",
    license_files=["LICENSE"],
    keywords="zero-shot learning, generalized zero-shot learning, NumPy, Numba, CUDA",
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Environment :: Console",
        "Environment :: GPU :: NVIDIA CUDA",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "Operating System :: OS Independent",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Programming Language :: Python :: 3.14",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Image Recognition",
        "Typing :: Typed",
    ],
    packages=[
        name + (f".{inner}" if inner else "")
        for name, folder in FOLDERS.items()
        for inner in ("", *find_packages(HERE / folder))
    ],
    package_dir=FOLDERS,
    package_data={"": ["*.cu", "*.npz", "*.csv", "*.md", "*.toml", "py.typed"]},
    entry_points={"console_scripts": ["tinygzsl = tinygzsl.cli.main:main"]},
    python_requires=">=3.11",
    install_requires=["numpy>=1.26", "scipy>=1.11.4", "numba>=0.60", "click>=8.1"],
    extras_require={
        "mat73": ["h5py>=3.10"],
        "cuda12x": ["cupy-cuda12x[ctk]>=13.3"],  # ctk: with CUDA's own libraries
        "cuda13x": ["cupy-cuda13x[ctk]>=13.6"],
        "nvrtc": ["nvidia-cuda-nvrtc-cu12>=12.8"],  # compiles for a GPU without having one
        "cluster": ["distributed>=2024.1"],
        "plot": ["matplotlib>=3.8", "scikit-learn>=1.5"],
        "bench": ["pytest-benchmark>=4"],
        "test": [
            "pytest>=8",
            "pytest-xdist>=3.5",
            "hypothesis>=6.100",
            "ruff>=0.6",
            "import-linter>=2.6",  # the first with acyclic_siblings
            "mypy>=2.4",
            "h5py>=3.10",
            "scikit-learn>=1.5",
            "matplotlib>=3.8",
        ],
    },
    zip_safe=False,
)
