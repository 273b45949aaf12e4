"""Networks and snapshots as arrays of a file and entries of its header, and back."""

from __future__ import annotations

from .nn.mlp import MLP
from .snapshots import Look, Snapshot


def pack_mlp(name: str, net: MLP, arrays: dict) -> dict:
    """Put the parameters into arrays as name.0, name.1, ...; the rest is the header's."""
    arrays.update({f"{name}.{i}": p for i, p in enumerate(net.params)})
    return {"count": len(net.params), "hidden": net.hidden, "output": net.output}


def unpack_mlp(name: str, packed: dict, arrays: dict) -> MLP:
    """The network that pack_mlp took apart; it shares the arrays."""
    params = [arrays[f"{name}.{i}"] for i in range(packed["count"])]
    return MLP(params, packed["hidden"], packed["output"])


def pack_snapshot(name: str, snapshot: Snapshot, arrays: dict) -> dict:
    """The same for a snapshot's generator, with its look."""
    return {"look": snapshot.look._asdict(), **pack_mlp(name, snapshot.generator, arrays)}


def unpack_snapshot(name: str, packed: dict, arrays: dict) -> Snapshot:
    """The snapshot that pack_snapshot took apart."""
    return Snapshot(Look(**packed["look"]), unpack_mlp(name, packed, arrays))
