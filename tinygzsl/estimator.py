"""EntropySeparationGZSL: scaling, proxies, VSMM and router behind fit and predict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from . import kernels, pipeline, router
from .checkpoints import Checkpoints
from .datasets.array_checks import (
    check_dtype,
    check_labels,
    check_matrix,
    check_training_arrays,
    check_unseen,
    warn_if_same,
)
from .datasets.scaling import Scaler, map_scaled, scaled
from .gates import hard, units
from .nn.device_memory import FREE_SOME, device_errors
from .nn.random import check_seed
from .pipeline import Plan
from .proxies import FRESH_DRAW, ProxySource, check_passed
from .runtime.backend import Array, array_module, as_array, device_module, on_host, to_host
from .runtime.checks import check_array, check_number
from .runtime.threads import check_threads, workers
from .settings import Settings, given_settings, settings_for
from .sklearn_protocol import Parameters
from .storage.arrays_file import FORMAT, State, write_npz
from .text import quoted, shown
from .tuning import auto
from .vsmm import VSMM

MOST_PROXIES = 2**32  # that sample_proxies draws at once


@dataclass(kw_only=True, eq=False, repr=False)
class EntropySeparationGZSL(Parameters):
    """Generalized zero-shot classifier by proxy samples and entropy separation.

    Parameters: a preset (see tinygzsl.settings.PRESETS), a seed, the device ("cpu" or "cuda"), the
    dtype ("float32" or "float64"), the number of threads (None: as many as BLAS would use), a
    callback(step, logs) that is called during fit, and any hyper-parameter of
    tinygzsl.settings.Settings; None takes the preset's value.

    After fit: classes_ (S,), n_features_in_, settings_, vsmm_, history_ (one dict of loss terms
    per epoch), proxy_source_ (snapshots and the curve of CS; None without a GAN), score_scale_
    (the standard deviation of F on training samples, the soft gate's unit of router_tau; None for
    a model saved before there was one), entropy_scale_ (of router_unit "measured", else None).

    Parameters that are set later wait for the next fit. fit sees seen classes only; unseen
    prototypes are an argument of predict and are not kept.
    """

    preset: str = "paper"
    seed: int = 0
    device: str = "cpu"
    dtype: str = "float32"
    threads: int | None = None
    callback: Callable[[int, dict], None] | None = None

    # The names of Settings once more, as scikit-learn's protocol reads them off the constructor.
    scale_features: str | None = None
    scale_prototypes: str | None = None
    gan_generator_hidden: tuple[int, ...] | None = None
    gan_critic_hidden: tuple[int, ...] | None = None
    gan_activation: str | None = None
    gan_output: str | None = None
    gan_latent: int | None = None
    gan_lr: float | None = None
    gan_beta1: float | None = None
    gan_beta2: float | None = None
    gan_penalty: float | None = None
    gan_critic_steps: int | None = None
    gan_batch: int | None = None
    gan_max_epochs: int | None = None
    gan_train_on: bool | None = None
    ptc_solver: str | None = None
    ptc_l2: tuple[float, ...] | None = None
    ptc_lr: float | None = None
    ptc_epochs: int | None = None
    ptc_batch: int | None = None
    cs_unit: str | None = None
    cs_low: float | None = None
    cs_high: float | None = None
    cs_per_class: int | None = None
    cs_held_out: float | None = None
    proxy_count: int | None = None
    proxy_from: str | None = None
    vsmm_latent: int | None = None
    vsmm_hidden: tuple[int, ...] | None = None
    vsmm_lr: float | None = None
    vsmm_beta1: float | None = None
    vsmm_beta2: float | None = None
    vsmm_epochs: int | None = None
    vsmm_batch: int | None = None
    vsmm_reduction: str | None = None
    vsmm_weight_ae: float | None = None
    vsmm_weight_le: float | None = None
    vsmm_weight_clf: float | None = None
    vsmm_weight_es: float | None = None
    vsmm_gamma: float | None = None
    router_gate: str | None = None
    router_unit: str | None = None
    router_delta_low: float | None = None
    router_delta_high: float | None = None
    router_held_out: float | None = None
    router_bias: float | None = None
    router_width: float | None = None
    router_tau: float | None = None
    router_metric: str | None = None
    router_temperature: float | None = None

    def fit(
        self,
        X: Array,
        y: Array,
        prototypes: Array,
        *,
        proxies: Array | None = None,
        validation_classes: tuple[Array, Array] | None = None,
        checkpoint: Checkpoints | None = None,
    ) -> EntropySeparationGZSL:
        """Train on seen data: X (n, d), y (n,), prototypes (S, k), row i for classes_[i].

        proxies (p, d), in the units of X, replace the GAN's. validation_classes, labels that play
        seen and labels that play unseen, make the first fold of preset "auto", as the validation
        split of a file does (pass Dataset.validation_classes). Raises ValueError for arrays or
        settings that can't be trained on (nothing is changed then), FloatingPointError if training
        diverges and MemoryError if the GPU is too small. Arrays may be NumPy's or CuPy's, whatever
        the device: what isn't there is copied.
        """
        saved = checkpoint or Checkpoints()
        with workers(check_threads(self.threads)), device_errors(FREE_SOME):
            self._fit(X, y, prototypes, proxies, validation_classes, saved)
        return self

    def _fit(
        self,
        X: Array,
        y: Array,
        prototypes: Array,
        proxies: Array | None,
        validation_classes: tuple[Array, Array] | None,
        saved: Checkpoints,
    ) -> None:
        preset, overrides = self.preset, given_settings(self.get_params())
        settings = settings_for(preset, overrides)
        seed, xp = check_seed(self.seed), device_module(self.device)
        check_dtype(self.dtype)
        X, prototypes = as_array(X), as_array(prototypes)
        classes, index = check_training_arrays(X, y, prototypes)
        if preset == "auto":
            training = auto.training_set(X, classes[index], prototypes, validation_classes)
            found = auto.tuned(training, self.get_params())
            preset, overrides, settings = found.preset, found.settings, found.search.settings
        elif validation_classes is not None:
            raise ValueError(
                f"validation_classes were passed, but preset {preset!r} validates nothing; drop "
                "them, or set preset='auto'"
            )
        hard.warn_if_unreachable(len(classes), settings)
        if proxies is not None:
            check_passed(settings)
        plan = Plan(
            settings=settings,
            seed=seed,
            xp=xp,
            dtype=self.dtype,
            callback=self.callback or pipeline.silent,
        )
        X, index, held = units.keep_out(X, index, classes, settings, seed)
        data = pipeline.scale(X, index, prototypes, plan)
        warn_if_same(classes, data.a)
        if proxies is not None:
            proxies = as_array(proxies)
            check_matrix("proxies", proxies, X.shape[1], "X")
            proxies = scaled("proxies", proxies, data.feature_scaler, xp, self.dtype)
        trained = pipeline.fit(data, plan, held=held, proxies=proxies, checkpoints=saved)

        given = {name: getattr(settings, name) for name in overrides}
        top = {"preset": preset, "seed": seed, "device": self.device, "dtype": self.dtype}
        self._fit_params = top | given
        self.settings_, self.vsmm_, self.history_ = settings, trained.vsmm, trained.history
        self.classes_, self.n_features_in_ = classes, X.shape[1]
        self._feature_scaler, self._prototype_scaler = data.feature_scaler, data.prototype_scaler
        self._seen_prototypes, self.proxy_source_ = data.a, trained.source
        self.score_scale_, self.entropy_scale_ = trained.score_scale, trained.entropy_scale
        pipeline.warn_if_doubtful(trained, settings)

    @property
    def routing_(self) -> Settings:
        """settings_ as route uses them: eq. 10's thresholds in nats, whatever their unit was."""
        self._check_fitted()
        return units.in_nats(self.settings_, self.entropy_scale_)

    def predict(
        self, X: Array, unseen_prototypes: Array | None = None, unseen_classes: Array | None = None
    ) -> np.ndarray:
        """Labels (n,) for X (n, d). Without prototypes: the plain classifier of seen classes."""
        return self.route(X, unseen_prototypes, unseen_classes).label

    def route(
        self, X: Array, unseen_prototypes: Array | None = None, unseen_classes: Array | None = None
    ) -> router.RouteResult:
        """Label, route, entropy (nats), score and gate of each row of X (n, d); see RouteResult.

        By eq. 10, or by the soft gate where router_gate is "soft"; the first of equal classes wins.
        unseen_prototypes (U, k) in the units of fit's prototypes, unseen_classes (U,) their
        labels; without them every row takes the route SL. Raises ValueError if they don't fit the
        model or hold NaN.
        """
        self._check_fitted()
        if unseen_prototypes is None:
            if unseen_classes is not None:
                raise ValueError("unseen_classes came without unseen_prototypes; pass both")
            labels = self.classes_
            parts = self._over_chunks(X, lambda x: router.classify_batch(self.vsmm_, x))
        else:
            k, unseen_prototypes = self._seen_prototypes.shape[1], as_array(unseen_prototypes)
            unseen = check_unseen(unseen_prototypes, unseen_classes, k, self.classes_)
            labels = np.concatenate([self.classes_, unseen])
            semantic = self._embed_prototypes(unseen_prototypes, labels)
            routing, scale = self.routing_, self.score_scale_
            parts = self._over_chunks(
                X,
                lambda x: router.route_batch(self.vsmm_, x, semantic, routing, scale),
                labels.size,
            )
        return router.joined(labels, parts)

    def entropy(self, X: Array) -> np.ndarray:
        """Entropy (n,) of the label distribution of C in nats, from 0 to ln S."""
        return self._joined(X, lambda x: self._log_p_entropy(x)[1])

    def is_unseen(self, X: Array) -> np.ndarray:
        """Whether the entropy (n,) is above delta_high, or the soft gate below 1/2."""
        return self.entropy(X) > router.unseen_above(self.routing_, len(self.classes_))

    def predict_proba(self, X: Array) -> np.ndarray:
        """p(y|x) (n, S) of C over the seen classes, in the order of classes_."""
        return self._joined(X, lambda x: np.exp(to_host(self._log_p_entropy(x)[0])))

    def compatibility(self, X: Array, unseen_prototypes: Array) -> np.ndarray:
        """F (n, S + U) of eq. 2: seen classes in the order of classes_, then the unseen."""
        self._check_fitted()
        k, unseen_prototypes = self._seen_prototypes.shape[1], as_array(unseen_prototypes)
        check_matrix("unseen_prototypes", unseen_prototypes, k, "the model's seen prototypes")
        semantic, metric = self._embed_prototypes(unseen_prototypes), self.settings_.router_metric
        return self._joined(
            X,
            lambda x: to_host(router.compatibility(self.vsmm_.embed(x), semantic, metric)),
            semantic.shape[0],
        )

    def sample_proxies(self, count: int, draw: int = FRESH_DRAW) -> np.ndarray:
        """count proxies (count, d) in the units of X; draw 0 gives those that were trained on.

        Raises ValueError for a model that was trained without a GAN, MemoryError if the GPU is too
        small.
        """
        self._check_fitted()
        if not isinstance(count, int | np.integer) or not 1 <= count <= MOST_PROXIES:
            raise ValueError(
                f"count is {quoted(count)}; pass a whole number of proxies, at least 1 and at most "
                "2**32"
            )
        draw = check_seed(draw, "draw")
        if self.proxy_source_ is None:
            raise ValueError("the model was trained without a GAN; fit it with vsmm_weight_es > 0")
        seed = self._fit_params["seed"]
        with workers(self.threads), device_errors(FREE_SOME):
            scaled = self.proxy_source_.draw(self._seen_prototypes, count, seed, draw)
            return to_host(self._feature_scaler.invert(scaled))

    def score(self, X: Array, y: Array) -> float:
        """Share of the seen samples X (n, d) that predict(X) labels as y (n,) does."""
        return float((self.predict(X) == check_labels("y", y, len(X))).mean())

    def save(self, path: Any) -> None:
        """Write the model to path (.npz): written aside and renamed, never half a file."""
        state = self.state()
        write_npz(path, State(state.header, on_host(state.arrays)))

    def state(self) -> State:
        """What predict needs and the generators that the proxies came from: no unseen prototype and
        no training sample. The arrays are the model's own.

        Raises ValueError if the model is not fitted.
        """
        self._check_fitted()
        vsmm = self.vsmm_.state()
        source = None if self.proxy_source_ is None else self.proxy_source_.state()
        header = {
            "kind": "model",
            "format": FORMAT,
            "params": self._fit_params,
            "settings": asdict(self.settings_),
            "networks": vsmm.header,
            "history": self.history_,
            "score_scale": self.score_scale_,
            "entropy_scale": self.entropy_scale_,
            "source": None if source is None else source.header,
        }
        arrays = {
            "classes": self.classes_,
            "seen_prototypes": self._seen_prototypes,
            **self._feature_scaler.state("feature").arrays,
            **self._prototype_scaler.state("prototype").arrays,
            **vsmm.arrays,
            **({} if source is None else source.arrays),
        }
        return State(header, arrays)

    @classmethod
    def from_state(cls, state: State, device: str | None = None) -> EntropySeparationGZSL:
        """The model of a state that was read from a file, on its own device or another one.

        Raises one of storage.arrays_file.DAMAGED where a part is missing or doesn't fit.
        """
        header = state.header
        params, settings = (
            {name: tuple(v) if isinstance(v, list) else v for name, v in header[part].items()}
            for part in ("params", "settings")  # JSON has lists for tuples
        )
        params["device"] = device or params["device"]
        check_dtype(params["dtype"])
        check_seed(params["seed"])
        model, settings = cls(**params), Settings(**settings)
        xp, arrays = device_module(params["device"]), dict(state.arrays)
        model._fit_params, model.settings_ = params, settings
        model.classes_, model.history_ = arrays.pop("classes"), header["history"]
        model.score_scale_ = header.get("score_scale")  # files of eq. 10 alone have none
        scale = header.get("entropy_scale")  # only where router_unit is "measured"
        model.entropy_scale_ = scale and tuple(scale)
        arrays = {name: xp.asarray(array) for name, array in arrays.items()}
        model._seen_prototypes = arrays["seen_prototypes"]
        model._feature_scaler = Scaler.from_state("feature", settings.scale_features, arrays)
        model._prototype_scaler = Scaler.from_state("prototype", settings.scale_prototypes, arrays)
        model.n_features_in_ = int(model._feature_scaler.shift.shape[0])
        model.vsmm_ = VSMM.from_state(header["networks"], arrays)
        source = header["source"]
        model.proxy_source_ = None if source is None else ProxySource.from_state(source, arrays)
        model._check_parts()
        return model

    def _check_parts(self) -> None:
        """ValueError, naming the part, unless what was read fits together: no half of a model ever
        predicts.
        """
        classes, seen = self.classes_, self._seen_prototypes
        if classes.ndim != 1 or classes.dtype.kind not in "iU" or len(classes) < 2:
            raise ValueError(f"classes is {classes.dtype} of shape {classes.shape}")
        if not np.array_equal(np.unique(classes), classes):
            raise ValueError("classes are not sorted and distinct")
        if seen.ndim != 2 or seen.shape[0] != len(classes):
            raise ValueError(f"seen_prototypes has shape {seen.shape} for {len(classes)} classes")
        dtype, d, k = np.dtype(self._fit_params["dtype"]), self.n_features_in_, seen.shape[1]
        check_array("seen_prototypes", seen, seen.shape, dtype)
        self._feature_scaler.check("feature", d, dtype)
        self._prototype_scaler.check("prototype", k, dtype)
        self.vsmm_.check(d, k, self.settings_.vsmm_latent, len(classes), dtype)
        self._check_scales()
        if self.proxy_source_ is not None:
            self.proxy_source_.check(k, d, dtype)

    def _check_scales(self) -> None:
        scale = self.entropy_scale_
        if self.score_scale_ is not None:
            check_number("score_scale", self.score_scale_)
        if (self.settings_.router_unit == "measured") != (scale is not None):
            raise ValueError(f"entropy_scale is {shown(scale, 20)}")
        for number in scale or ():
            check_number("entropy_scale", number)
        if scale is not None and len(scale) != 2:
            raise ValueError(f"entropy_scale has {len(scale)} numbers")

    def _check_fitted(self) -> None:
        if not hasattr(self, "vsmm_"):
            raise ValueError("the model is not fitted; call fit(X, y, prototypes) first")

    def _embed_prototypes(self, unseen_prototypes: Array, labels: Any = None) -> Array:
        """f_s of the seen prototypes and, below them, of the unseen ones: (S + U, m)."""
        xp, dtype = array_module(self._seen_prototypes), self._fit_params["dtype"]
        with workers(self.threads), device_errors(FREE_SOME):
            a = scaled("unseen_prototypes", unseen_prototypes, self._prototype_scaler, xp, dtype)
            a = xp.concatenate([self._seen_prototypes, a])
            if labels is not None:
                warn_if_same(labels, a, len(self.classes_))
            return self.vsmm_.embed_prototypes(a)

    def _over_chunks(
        self, X: Array, function: Callable[[Array], Any], classes: int | None = None
    ) -> list:
        """function(scaled rows) for every chunk of the rows of X; it scores so many classes."""
        self._check_fitted()
        classes = classes or len(self.classes_)
        X = as_array(X)
        check_matrix("X", X, self.n_features_in_, "the training data")
        xp, dtype = array_module(self._seen_prototypes), self._fit_params["dtype"]
        with workers(self.threads), device_errors(FREE_SOME):
            return map_scaled(function, "X", X, self._feature_scaler, xp, dtype, classes)

    def _joined(
        self, X: Array, function: Callable[[Array], Array], classes: int | None = None
    ) -> np.ndarray:
        parts = self._over_chunks(X, function, classes)
        return to_host(array_module(*parts).concatenate(parts))

    def _log_p_entropy(self, x: Array) -> tuple[Array, Array]:
        return kernels.log_softmax_entropy(self.vsmm_.logits(self.vsmm_.embed(x)))
