"""Networks and snapshots as arrays of a file and entries of its header, and back."""

from __future__ import annotations

from .nn.mlp import MLP
from .snapshots import Look, Snapshot


def pack_mlp(name: str, net: MLP, arrays: dict) -> dict:
    """Put the parameters into arrays as name.0, name.1, ...; the rest is the header's."""
    state = net.state(name)
    arrays.update(state.arrays)
    return state.header


def unpack_mlp(name: str, packed: dict, arrays: dict) -> MLP:
    """The network that pack_mlp took apart; it shares the arrays."""
    return MLP.from_state(name, packed, arrays)


def pack_snapshot(name: str, snapshot: Snapshot, arrays: dict) -> dict:
    """The same for a snapshot's generator, with its look."""
    return {"look": snapshot.look._asdict(), **pack_mlp(name, snapshot.generator, arrays)}


def unpack_snapshot(name: str, packed: dict, arrays: dict) -> Snapshot:
    """The snapshot that pack_snapshot took apart."""
    return Snapshot(Look(**packed["look"]), unpack_mlp(name, packed, arrays))
