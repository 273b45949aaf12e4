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
    check_matrix,
    check_training_arrays,
    check_unseen,
    warn_if_same,
)
from .datasets.labelled_rows import in_order_of_y, prototype_table, table_with_classes
from .datasets.named_columns import Names, as_table, check_same_names
from .datasets.scaling import Scaler, map_scaled, scaled
from .datasets.views import ONE
from .errors import InputError
from .gates import hard, learned, panel, units
from .gates.neighbours import Neighbours
from .nn.device_memory import FREE_SOME, device_errors
from .nn.random import check_seed
from .pipeline import Plan
from .proxies import FRESH_DRAW, ProxySource, check_passed
from .runtime.array import Array
from .runtime.backend import array_module, device_module, on_host, to_host
from .runtime.checks import check_number, check_positive, check_said, check_seen
from .runtime.labels import check_labels
from .runtime.threads import check_threads, workers
from .settings import Settings, given_settings, settings_for
from .settings.describe import with_settings
from .settings.names import names_checked
from .sklearn_protocol import NamedColumns, Parameters
from .storage.arrays_file import FORMAT, State, write_model
from .text import quoted, shown
from .tuning import auto, learned_gate
from .vsmm import VSMM

MOST_PROXIES = 2**32  # that sample_proxies draws at once


@names_checked("help(EntropySeparationGZSL)")
@with_settings(indent="    ")
@dataclass(kw_only=True, eq=False, repr=False)
class EntropySeparationGZSL(NamedColumns, Parameters):
    """Generalized zero-shot classifier by proxy samples and entropy separation.

    `fit` uses samples and prototypes of seen classes only. Prototypes of unseen
    classes are an argument of `predict` and are not kept. Parameters that are set
    later take effect at the next `fit`. A setting that is None, the default, has the
    preset's value; the defaults shown are those of preset 'paper'.
    `tinygzsl settings NAME` shows the source of a default.

    Below, n is the number of samples, d of features, k of attributes, S of seen and
    U of unseen classes.

    Parameters
    ----------
    preset : str, default 'paper'
        Named values for all settings that are not given; tinygzsl.settings.PRESETS
        lists them. With 'auto', `fit` searches for settings by validation on the
        training samples.
    seed : int, default 0, 0 to 2**64 - 1
        Seed of all random numbers.
    device : {'cpu', 'cuda'}, default 'cpu'
        Where to train and predict. 'cuda' needs CuPy and an NVIDIA GPU.
    dtype : {'float32', 'float64'}, default 'float32'
        Precision of training and prediction.
    threads : int or None, default None, 1 to 1024
        Number of threads. None takes as many as BLAS would use.
    callback : callable or None, default None
        Called as callback(step, logs) during `fit`; logs is a dict with the key
        'phase'.
    {settings}

    Attributes
    ----------
    classes_ : ndarray of shape (S,)
        The labels of the seen classes, sorted.
    n_features_in_ : int
        The number of features d.
    feature_names_in_, attribute_names_in_ : ndarray of shape (d,), and of shape (k,)
        The names of the columns of X and of the prototypes, if `fit` got data frames
        with names.
    settings_ : tinygzsl.settings.Settings
        Every setting that the model was trained with.
    routing_ : tinygzsl.settings.Settings
        The same, with the thresholds of eq. 10 in nats.
    vsmm_ : tinygzsl.vsmm.VSMM
        The trained networks f_v, g and f_s and the classifier C.
    history_ : list of dict
        The terms of the loss in each epoch of the VSMM.
    proxy_source_ : tinygzsl.proxies.ProxySource or None
        The snapshots of the generator and the curve of CS. None if there was no
        CWGAN.
    score_scale_ : float or None
        Standard deviation of F on training samples, the unit of router_tau under the
        soft gate. None for models from old files.
    gap_scale_ : float or None
        The same after taking away each sample's mean over the classes: the unit of F
        under the learned gate. None for models from old files.
    entropy_scale_ : tuple of float or None
        Median entropies of held-out seen samples and of fresh proxies in nats. None
        unless router_unit is 'measured'.
    decision_ : tinygzsl.gates.panel.Decision
        The learned gate, if router_gate is 'learned'.

    Raises
    ------
    TypeError
        For a parameter that does not exist. Values are checked by `fit`.

    References
    ----------
    .. [1] O. Gune, B. Banerjee, S. Chaudhuri, F. Cuzzolin. Generalized Zero-Shot
       Learning Using Generated Proxy Unseen Samples and Entropy Separation. ACM
       Multimedia, 2020.
    .. [2] Y. Xian, T. Lorenz, B. Schiele, Z. Akata. Feature Generating Networks for
       Zero-Shot Learning (f-CLSWGAN). CVPR, 2018.

    Examples
    --------
    Five seen classes, and two that are not in training:

    >>> import numpy as np
    >>> from tinygzsl import EntropySeparationGZSL
    >>> rng = np.random.default_rng(0)
    >>> prototypes, to_features = rng.random((7, 6)), rng.normal(size=(6, 12))
    >>> y = np.repeat(np.arange(7), 30)
    >>> X = prototypes[y] @ to_features + 0.1 * rng.normal(size=(210, 12))
    >>> seen = y < 5
    >>> small = {"vsmm_latent": 16, "gan_generator_hidden": (16,), "gan_critic_hidden": (16,)}
    >>> fast = {"vsmm_lr": 1e-2, "vsmm_batch": 16, "gan_lr": 3e-3, "gan_batch": 16}
    >>> scaling = {"scale_features": "standard", "gan_output": "linear"}
    >>> model = EntropySeparationGZSL(preset="small", **small, **fast, **scaling)
    >>> model = model.set_params(router_delta_high=1.0)  # nats; ln 5 is the most there can be
    >>> model = model.fit(X[seen], y[seen], prototypes[:5])
    >>> labels = model.predict(X, prototypes[5:], np.array([5, 6]))
    >>> labels.shape
    (210,)
    >>> bool((labels == y).mean() > 0.8)
    True
    """

    preset: str = "paper"
    seed: int = 0
    device: str = "cpu"
    dtype: str = "float32"
    threads: int | None = None
    callback: Callable[[int, dict[str, Any]], None] | None = None

    # The names of Settings again, as scikit-learn reads parameters from the constructor.
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
    router_features: tuple[str, ...] | None = None
    router_weights: tuple[float, ...] | None = None
    router_means: tuple[float, ...] | None = None
    router_deviations: tuple[float, ...] | None = None
    router_intercept: float | None = None
    router_kappa: float | None = None
    router_offset: float | None = None
    router_fold_unseen: tuple[int, ...] | None = None
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
        """Train on samples and prototypes of the seen classes.

        Arrays may be NumPy's or CuPy's; they are copied to the device. If fit fails,
        the model stays as it was.

        Parameters
        ----------
        X : array or data frame of shape (n, d)
            Features of the training samples. If all columns of a data frame have text
            for a name, later ones need the same columns in the same order.
        y : array of shape (n,)
            Their labels, integers or text.
        prototypes : array or data frame of shape (S, k), or dict
            One row per class, in the order of classes_, which is np.unique(y). Rows of a
            data frame indexed by class, and of a dict from class to vector, may come in
            any order; with the default index 0, 1, ... they are plain rows.
        proxies : array of shape (p, d), optional
            Samples, in the units of X, that replace the CWGAN's.
        validation_classes : pair of arrays of labels, optional
            The pseudo-seen and the pseudo-unseen labels in the first fold of preset
            'auto', as in the validation split of a file (Dataset.validation_classes).
        checkpoint : tinygzsl.checkpoints.Checkpoints, optional
            Files in which the state of training is saved, and from which it resumes.

        Returns
        -------
        EntropySeparationGZSL
            The model itself.

        Raises
        ------
        ValueError
            If the arrays or settings can't be trained with.
        FloatingPointError
            If training diverges.
        MemoryError
            If the GPU is too small.
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
        table = as_table(X)
        seen = {ONE: prototype_table("prototypes", prototypes)}
        names = Names.of(table, seen)
        X, prototypes = table.array, in_order_of_y(seen, y, name="prototypes")[ONE].array
        if proxies is not None:
            proxies = _proxies(proxies, names)
        classes, index = check_training_arrays(X, y, prototypes)
        if preset == "auto" or learned_gate.is_to_be_fitted(settings):
            training = auto.training_set(
                X, classes[index], prototypes, validation_classes=validation_classes
            )
        if preset == "auto":
            found = auto.tuned(training, self.get_params())
            preset, overrides, settings = found.preset, found.settings, found.search.settings
        elif learned_gate.is_to_be_fitted(settings):
            settings = learned_gate.with_fitted_gate(
                training,
                settings,
                seed=seed,
                device=self.device,
                dtype=self.dtype,
                proxies=proxies,
                callback=self.callback,
            )
            overrides |= learned_gate.numbers(settings)
        elif validation_classes is not None:
            raise InputError(
                f"validation_classes were passed, but preset {preset!r} has no validation; drop "
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
        X, index, held = units.keep_out(X, index, classes, settings, seed=seed)
        data = pipeline.scale(X, index, prototypes, plan)
        warn_if_same(classes, data.a)
        if proxies is not None:
            check_matrix("proxies", proxies, columns=X.shape[1], why="X")
            proxies = scaled("proxies", proxies, data.feature_scaler, xp=xp, dtype=self.dtype)
        trained = pipeline.fit(data, plan, held=held, proxies=proxies, checkpoints=saved)

        given = {name: getattr(settings, name) for name in overrides}
        top = {"preset": preset, "seed": seed, "device": self.device, "dtype": self.dtype}
        self._fit_params: dict[str, Any] = top | given
        self.settings_, self.vsmm_, self.history_ = settings, trained.vsmm, trained.history
        self.classes_, self.n_features_in_, self._names = classes, X.shape[1], names
        self._feature_scaler, self._prototype_scaler = data.feature_scaler, data.prototype_scaler
        self._seen_prototypes, self.proxy_source_ = data.a, trained.source
        self.score_scale_: float | None = trained.score_scale
        self.gap_scale_: float | None = trained.gap_scale
        self._neighbours = trained.neighbours
        self.entropy_scale_ = trained.entropy_scale
        pipeline.warn_if_doubtful(trained, settings)

    @property
    def routing_(self) -> Settings:
        """The settings as `route` uses them: settings_ with eq. 10's thresholds in nats."""
        self._check_fitted()
        return units.in_nats(self.settings_, self.entropy_scale_)

    @property
    def decision_(self) -> panel.Decision:
        """The learned gate; ValueError if the model has another one."""
        self._check_fitted()
        if self.settings_.router_gate != "learned":
            raise InputError(
                f"router_gate is {self.settings_.router_gate!r}, which has nothing learned; fit "
                "the model with router_gate='learned'"
            )
        gate = learned.gate_of(self.settings_)
        tau = self.settings_.router_tau
        return panel.Decision(seen_weights=(1.0,), unseen_weights=(1 / tau,), gate=gate)

    def predict(
        self, X: Array, unseen_prototypes: Array | None = None, unseen_classes: Array | None = None
    ) -> np.ndarray:
        """Predict the label of each sample.

        Without unseen_prototypes the classifier C chooses among the seen classes.

        Parameters
        ----------
        X : array of shape (n, d)
            Features, in the units of those of `fit`.
        unseen_prototypes : array or data frame of shape (U, k), or dict, optional
            One row per unseen class, in the units of the prototypes of `fit`, and like
            these perhaps by class.
        unseen_classes : array of shape (U,), optional
            Their labels, none of them in classes_. Prototypes by class are put in this
            order, and need no labels here.

        Returns
        -------
        ndarray of shape (n,)
            The labels.

        Raises
        ------
        ValueError
            If the model is not fitted, or the arrays don't fit it or hold NaN.
        """
        return self.route(X, unseen_prototypes, unseen_classes).label

    def route(
        self, X: Array, unseen_prototypes: Array | None = None, unseen_classes: Array | None = None
    ) -> router.RouteResult:
        """Predict labels, with the route, entropy, score and gate of each sample.

        The route is chosen by eq. 10 or, if router_gate is 'soft' or 'learned', by such a
        gate. Of classes with equal scores the first is taken. Without unseen_prototypes
        every sample takes the route SL. The learned gate warns if the number of unseen
        classes is far from that of the folds it was fitted on.

        Parameters
        ----------
        X : array of shape (n, d)
            Features, in the units of those of `fit`.
        unseen_prototypes : array or data frame of shape (U, k), or dict, optional
            One row per unseen class, in the units of the prototypes of `fit`, and like
            these perhaps by class.
        unseen_classes : array of shape (U,), optional
            Their labels, none of them in classes_. Prototypes by class are put in this
            order, and need no labels here.

        Returns
        -------
        tinygzsl.router.RouteResult
            Arrays of shape (n,): label, route ('SL', 'GZSL' or 'ZSL'), entropy in nats,
            score and gate.

        Raises
        ------
        ValueError
            If the model is not fitted, or the arrays don't fit it or hold NaN.
        """
        self._check_fitted()
        if unseen_prototypes is None:
            if unseen_classes is not None:
                raise InputError("unseen_classes came without unseen_prototypes; pass both")
            labels = self.classes_
            parts = self._over_chunks(X, lambda x: router.classify_batch(self.vsmm_, x))
        else:
            k = self._seen_prototypes.shape[1]
            table, unseen_classes = table_with_classes(unseen_prototypes, unseen_classes)
            unseen_prototypes = self._attributes_of(table)
            unseen = check_unseen(unseen_prototypes, unseen_classes, self.classes_, n_attributes=k)
            labels = np.concatenate([self.classes_, unseen])
            semantic = self._embed_prototypes(unseen_prototypes, labels)
            routing, fitted = self.routing_, self._fitted
            if routing.router_gate == "learned":
                learned.warn_if_other_number(len(unseen), routing.router_fold_unseen)
            parts = self._over_chunks(
                X,
                lambda x: router.route_batch(self.vsmm_, x, semantic, routing, fitted=fitted),
                classes=labels.size,
            )
        return router.joined(labels, parts)

    def entropy(self, X: Array) -> np.ndarray:
        """Compute the entropy of p(y|x), the classifier C's probabilities.

        Parameters
        ----------
        X : array of shape (n, d)
            Features, in the units of those of `fit`.

        Returns
        -------
        ndarray of shape (n,)
            Entropies in nats, from 0 to ln S.

        Raises
        ------
        ValueError
            If the model is not fitted, or the arrays don't fit it or hold NaN.
        """
        return self._joined(X, lambda x: self._log_p_entropy(x)[1])

    def is_unseen(self, X: Array, unseen_prototypes: Array | None = None) -> np.ndarray:
        """Predict whether each sample belongs to an unseen class.

        This is so if its entropy is above delta_high or, with another gate, if the
        probability of all seen classes together is below 1/2.

        Parameters
        ----------
        X : array of shape (n, d)
            Features, in the units of those of `fit`.
        unseen_prototypes : array of shape (U, k), optional
            Needed by the learned gate, which compares the fit of seen and unseen
            classes.

        Returns
        -------
        ndarray of bool of shape (n,)

        Raises
        ------
        ValueError
            If the model is not fitted, the arrays don't fit it or hold NaN, or the
            learned gate gets no prototypes.
        """
        routing = self.routing_
        if routing.router_gate != "learned":
            return self.entropy(X) > router.unseen_above(routing, len(self.classes_))
        if unseen_prototypes is None:
            raise InputError(
                "the learned gate compares seen with unseen classes, but is_unseen got no "
                "unseen_prototypes; pass them"
            )
        return self.decision_.gate.theta(self._features(X, unseen_prototypes)) < 0

    def predict_proba(self, X: Array) -> np.ndarray:
        """Compute p(y|x), the classifier C's probabilities of the seen classes.

        Parameters
        ----------
        X : array of shape (n, d)
            Features, in the units of those of `fit`.

        Returns
        -------
        ndarray of shape (n, S)
            One column per class, in the order of classes_.

        Raises
        ------
        ValueError
            If the model is not fitted, or the arrays don't fit it or hold NaN.
        """
        return self._joined(X, lambda x: np.exp(to_host(self._log_p_entropy(x)[0])))

    def compatibility(self, X: Array, unseen_prototypes: Array) -> np.ndarray:
        """Compute F of eqs. 1 and 2 for samples and all classes; larger is closer.

        Parameters
        ----------
        X : array of shape (n, d)
            Features, in the units of those of `fit`.
        unseen_prototypes : array of shape (U, k)
            One row per unseen class, in the units of the prototypes of `fit`.

        Returns
        -------
        ndarray of shape (n, S + U)
            Seen classes in the order of classes_, then the unseen ones.

        Raises
        ------
        ValueError
            If the model is not fitted, or the arrays don't fit it or hold NaN.
        """
        semantic, metric = self._checked_semantic(unseen_prototypes), self.settings_.router_metric
        return self._joined(
            X,
            lambda x: to_host(router.compatibility(self.vsmm_.embed(x), semantic, metric=metric)),
            classes=semantic.shape[0],
        )

    def scores(self, X: Array, unseen_prototypes: Array) -> router.VsmmScores:
        """Compute all that the router decides by, in one pass.

        Parameters
        ----------
        X : array of shape (n, d)
            Features, in the units of those of `fit`.
        unseen_prototypes : array of shape (U, k)
            One row per unseen class, in the units of the prototypes of `fit`.

        Returns
        -------
        tinygzsl.router.VsmmScores
            log_p (n, S) of C, its entropy (n,) in nats, and F (n, S + U).

        Raises
        ------
        ValueError
            If the model is not fitted, or the arrays don't fit it or hold NaN.
        """
        semantic = self._checked_semantic(unseen_prototypes)
        parts = self._over_chunks(
            X,
            lambda x: router.scores_batch(
                self.vsmm_, x, semantic, metric=self.settings_.router_metric
            ),
            classes=semantic.shape[0],
        )
        joined = (np.concatenate(column) for column in zip(*parts, strict=True))
        return router.VsmmScores._make(check_said("scores", values) for values in joined)

    def panel(self, X: Array, unseen_prototypes: Array) -> panel.Panel:
        """Compute what the learned gate looks at, for analysis; `route` decides by it.

        Parameters
        ----------
        X : array of shape (n, d)
            Features, in the units of those of `fit`.
        unseen_prototypes : array of shape (U, k)
            One row per unseen class, in the units of the prototypes of `fit`.

        Returns
        -------
        tinygzsl.gates.panel.Panel
            The model's scores in units of gap_scale_, and similarities to training
            samples if the gate looks at them.

        Raises
        ------
        ValueError
            If the model is not fitted or from an old file, or the arrays don't fit it or
            hold NaN.
        """
        found = self.scores(X, unseen_prototypes)
        if self.gap_scale_ is None:
            raise InputError("the model's file has no gap_scale; fit the model again")
        near, similarities = self._neighbours, {}
        if near is not None:
            similarities[""] = np.concatenate(self._over_chunks(X, near.similarity))
        expert = panel.expert_scores(
            found.f,
            n_seen=len(self.classes_),
            unit=self.gap_scale_,
            log_p=found.log_p,
            entropy=found.entropy,
        )
        return panel.Panel(experts={"": expert}, similarities=similarities)

    def sample_proxies(self, count: int, draw: int = FRESH_DRAW) -> np.ndarray:
        """Draw proxies from the snapshots of the generator.

        Parameters
        ----------
        count : int
            The number of proxies, 1 to 2**32.
        draw : int, default 1
            Each number gives other proxies; 0 gives those used in training.

        Returns
        -------
        ndarray of shape (count, d)
            Features in the units of the X of `fit`.

        Raises
        ------
        ValueError
            If the model is not fitted or was trained without a CWGAN, or a number is
            out of its range.
        MemoryError
            If the GPU is too small.
        """
        self._check_fitted()
        if not isinstance(count, int | np.integer) or not 1 <= count <= MOST_PROXIES:
            raise InputError(
                f"count is {quoted(count)}; pass a whole number of proxies, at least 1 and at most "
                "2**32"
            )
        draw = check_seed(draw, "draw")
        if self.proxy_source_ is None:
            raise InputError("the model was trained without a GAN; fit it with vsmm_weight_es > 0")
        seed = self._fit_params["seed"]
        with workers(self.threads), device_errors(FREE_SOME):
            scaled = self.proxy_source_.draw(self._seen_prototypes, count, seed=seed, draw=draw)
            return check_said("proxies", to_host(self._feature_scaler.invert(scaled)))

    def score(self, X: Array, y: Array) -> float:
        """Compute the accuracy of `predict` without unseen prototypes.

        Parameters
        ----------
        X : array of shape (n, d)
            Features of samples of seen classes.
        y : array of shape (n,)
            Their labels.

        Returns
        -------
        float
            The share of right labels, 0 to 1.

        Raises
        ------
        ValueError
            If the model is not fitted, or the arrays don't fit it or hold NaN.
        """
        labels = self.predict(X)
        y = check_labels("y", y, rows=len(labels), like=labels)
        return float((labels == y).mean())

    def save(self, path: Any) -> None:
        """Write the model to a file, for `tinygzsl.load_model`.

        The file is written under another name and then renamed, so it is never
        incomplete.

        Parameters
        ----------
        path : path-like
            The .npz file to write.

        Raises
        ------
        ValueError
            If the model is not fitted.
        OSError
            If the file can't be written.
        """
        state = self.state()
        write_model(path, State(state.header, on_host(state.arrays)))

    def state(self) -> State:
        """Return what predict needs, and the generators of the proxies.

        It has no unseen prototypes, and no training samples unless the learned gate looks at
        neighbours. The arrays are the model's own. Raises ValueError if the model is not fitted.
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
            "gap_scale": self.gap_scale_,
            "entropy_scale": self.entropy_scale_,
            "source": None if source is None else source.header,
            **self._names.header(),
        }
        arrays = {
            "classes": self.classes_,
            "seen_prototypes": self._seen_prototypes,
            **self._feature_scaler.state("feature").arrays,
            **self._prototype_scaler.state("prototype").arrays,
            **vsmm.arrays,
            **({} if source is None else source.arrays),
        }
        if self._neighbours is not None:
            arrays |= self._neighbours.state("neighbours").arrays
        return State(header, arrays)

    @classmethod
    def from_state(cls, state: State, device: str | None = None) -> EntropySeparationGZSL:
        """Return the model of a state from a file, on the device it was trained on or another one.

        Raises one of storage.arrays_file.DAMAGED if a part is missing or doesn't fit.
        """
        header = state.header
        params, chosen = (_with_tuples(header[part]) for part in ("params", "settings"))
        params["device"] = device or params["device"]
        check_dtype(params["dtype"])
        check_seed(params["seed"])
        model, settings = cls(**params), Settings(**chosen)
        xp, saved = device_module(params["device"]), dict(state.arrays)
        model._fit_params, model.settings_ = params, settings
        model.classes_, model.history_ = saved.pop("classes"), header["history"]
        model.score_scale_ = header.get("score_scale")  # missing in files from before the soft gate
        model.gap_scale_ = header.get("gap_scale")  # missing in files from before the learned gate
        scale = header.get("entropy_scale")  # only where router_unit is "measured"
        model.entropy_scale_ = scale and tuple(scale)
        arrays = {name: xp.asarray(array) for name, array in saved.items()}
        model._seen_prototypes = arrays["seen_prototypes"]
        model._feature_scaler = Scaler.from_state(
            "feature", kind=settings.scale_features, arrays=arrays
        )
        model._prototype_scaler = Scaler.from_state(
            "prototype", kind=settings.scale_prototypes, arrays=arrays
        )
        model.n_features_in_ = int(model._feature_scaler.shift.shape[0])
        model.vsmm_ = VSMM.from_state(header["networks"], arrays)
        near = pipeline.looks_at_neighbours(settings)
        model._neighbours = Neighbours.from_state("neighbours", arrays=arrays) if near else None
        source = header["source"]
        model.proxy_source_ = None if source is None else ProxySource.from_state(source, arrays)
        model._check_parts()
        k = {ONE: model._seen_prototypes.shape[1]}
        model._names = Names.from_header(header, d=model.n_features_in_, k=k)
        return model

    def _check_parts(self) -> None:
        """Raise ValueError, with the part's name, unless the parts that were read fit together."""
        classes, seen = self.classes_, self._seen_prototypes
        dtype, d = np.dtype(self._fit_params["dtype"]), self.n_features_in_
        check_seen(classes, seen, dtype=dtype)
        k = seen.shape[1]
        self._feature_scaler.check("feature", n=d, dtype=dtype)
        self._prototype_scaler.check("prototype", n=k, dtype=dtype)
        self.vsmm_.check(
            d=d, k=k, m=self.settings_.vsmm_latent, n_classes=len(classes), dtype=dtype
        )
        self._check_scales()
        if self._neighbours is not None:
            self._neighbours.check("neighbours", n=d, dtype=dtype)
        if self.proxy_source_ is not None:
            self.proxy_source_.check(k=k, d=d, dtype=dtype)

    def _check_scales(self) -> None:
        scale, dtype = self.entropy_scale_, np.dtype(self._fit_params["dtype"])
        for name, unit in (("score_scale", self.score_scale_), ("gap_scale", self.gap_scale_)):
            if unit is not None:
                check_positive(name, unit, dtype=dtype)
        if (self.settings_.router_unit == "measured") != (scale is not None):
            raise InputError(f"entropy_scale is {shown(scale, 20)}")
        for number in scale or ():
            check_number("entropy_scale", number)
        if scale is not None and len(scale) != 2:
            raise InputError(f"entropy_scale has {len(scale)} numbers")
        units.in_nats(self.settings_, scale)  # ValueError for thresholds that eq. 10 can't have

    def _check_fitted(self) -> None:
        if not hasattr(self, "vsmm_"):
            raise InputError("the model is not fitted; call fit(X, y, prototypes) first")

    @property
    def _fitted(self) -> router.Fitted:
        return router.Fitted(self.score_scale_, self.gap_scale_, self._neighbours)

    def _features(self, X: Array, unseen_prototypes: Array) -> np.ndarray:
        """Return the learned gate's features phi (n, q)."""
        return self.panel(X, unseen_prototypes).phi(self.decision_.gate.features)

    def _checked_semantic(self, unseen_prototypes: Array) -> Array:
        """Return f_s (S + U, m) of the seen and the given prototypes; ValueError if they misfit."""
        self._check_fitted()
        k, unseen = self._seen_prototypes.shape[1], self._attributes_of(unseen_prototypes)
        check_matrix("unseen_prototypes", unseen, columns=k, why="the model's seen prototypes")
        return self._embed_prototypes(unseen)

    def _embed_prototypes(self, unseen_prototypes: Array, labels: Any = None) -> Array:
        """Return f_s (S + U, m) of the seen prototypes and, below them, of the unseen ones."""
        xp, dtype = array_module(self._seen_prototypes), self._fit_params["dtype"]
        with workers(self.threads), device_errors(FREE_SOME):
            a = scaled(
                "unseen_prototypes", unseen_prototypes, self._prototype_scaler, xp=xp, dtype=dtype
            )
            a = xp.concatenate([self._seen_prototypes, a])
            if labels is not None:
                warn_if_same(labels, a, since=len(self.classes_))
            return self.vsmm_.embed_prototypes(a)

    def _over_chunks(
        self, X: Array, function: Callable[[Array], Any], *, classes: int | None = None
    ) -> list[Any]:
        """Return function(scaled rows) for every chunk of X.

        The function scores `classes` classes, by default the seen ones.
        """
        self._check_fitted()
        classes = classes or len(self.classes_)
        X = self._features_of(X)
        check_matrix("X", X, columns=self.n_features_in_, why="the training data")
        xp, dtype = array_module(self._seen_prototypes), self._fit_params["dtype"]
        with workers(self.threads), device_errors(FREE_SOME):
            return map_scaled(
                function, "X", X, self._feature_scaler, xp=xp, dtype=dtype, width=classes
            )

    def _joined(
        self, X: Array, function: Callable[[Array], Array], *, classes: int | None = None
    ) -> np.ndarray:
        parts = self._over_chunks(X, function, classes=classes)
        return check_said("scores", to_host(array_module(*parts).concatenate(parts)))

    def _log_p_entropy(self, x: Array) -> tuple[Array, Array]:
        return kernels.log_softmax_entropy(self.vsmm_.logits(self.vsmm_.embed(x)))


def _proxies(proxies: Any, names: Names) -> Array:
    """Return proxies as an array; ValueError if their columns have other names than those of X."""
    table = as_table(proxies)
    check_same_names(
        "proxies", table.columns, wanted=names.features, fix="put them in the order of X"
    )
    return table.array


def _with_tuples(values: dict[str, Any]) -> dict[str, Any]:
    """The values of a JSON object, which has lists for tuples."""
    return {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
