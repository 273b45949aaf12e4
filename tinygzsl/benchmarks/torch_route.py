"""Routing in idiomatic PyTorch: chunks of rows under no_grad."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F

from .torch_common import network, tensor
from .work_route import CHUNK_ROWS


class Route:
    """Scaling, embedding and eq. 10 in chunks of rows, without gradients."""

    def __init__(self, work):
        self.x, self.prototypes = tensor(work.x), tensor(work.scaled_prototypes)
        self.classes, self.seen = tensor(work.classes), work.sizes["seen"]
        self.shift, self.scale = tensor(work.scaler.shift), tensor(work.scaler.scale)
        networks = work.vsmm.f_v, work.vsmm.f_s, work.vsmm.c
        self.f_v, self.f_s, self.c = (network(n.params) for n in networks)
        self.settings = work.settings

    @torch.no_grad()
    def run(self) -> None:
        """Route all rows."""
        semantic = self.f_s(self.prototypes)
        parts = [self.route(x, semantic) for x in self.x.split(CHUNK_ROWS)]
        self.found = [torch.cat(part) for part in zip(*parts, strict=True)]

    def route(self, x, semantic):
        """Return label, entropy and score of each row of a chunk."""
        settings, seen = self.settings, self.seen
        embedded = self.f_v((x - self.shift) * self.scale)
        log_p = F.log_softmax(self.c(embedded), 1)
        entropy = -(log_p.exp() * log_p).sum(1)
        f = -torch.cdist(embedded, semantic) / settings.router_temperature
        best, label = log_p.max(1)
        zsl, zsl_label = F.log_softmax(f[:, seen:], 1).max(1)
        gzsl, gzsl_label = F.log_softmax(f, 1).max(1)
        is_seen = entropy < settings.router_delta_low
        is_unseen = entropy > settings.router_delta_high
        label = torch.where(is_seen, label, torch.where(is_unseen, seen + zsl_label, gzsl_label))
        best = torch.where(is_seen, best, torch.where(is_unseen, zsl, gzsl))
        return self.classes[label], entropy, best.exp()

    def result(self) -> list[np.ndarray]:
        """Return labels, entropies and scores."""
        return [t.cpu().numpy() for t in self.found]
