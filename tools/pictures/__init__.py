"""The pictures of docs/measures.md: a healthy and a faulty clip for each measure, a drawn timeline for each latency.

Every figure in a picture is what the measure itself says of the clip that is drawn. Clips are made of the project's
recorded replies; nothing is drawn without a seed.
"""

from pictures import hops, segments, takes, taps
from pictures.frame import PICTURES, name_of, write

__all__ = ["PICTURES", "hops", "name_of", "segments", "takes", "taps", "write"]
