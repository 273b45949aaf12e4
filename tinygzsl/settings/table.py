"""Every hyper-parameter with its default, its range, what it does and where it comes from.

A name's first part is its section in a run's config.toml: gan_lr is `lr` under `[gan]`. Checks,
help texts, the command `tinygzsl settings` and the comments of config.toml all come from here.
"""

# No `from __future__ import annotations`: checks read the types off the fields.
from dataclasses import asdict, dataclass, fields
from typing import Any

from ..errors import InputError
from .names import names_checked
from .setting import Setting, setting, setting_of

COMMAND = "`tinygzsl settings`"  # which lists them all
GROUPS = {  # by the first part of a name
    "scale": "how features and prototypes are scaled, fitted on seen classes",
    "gan": "the conditional Wasserstein GAN with gradient penalty (eq. 6)",
    "ptc": "the pre-trained classifier behind the confidence score",
    "cs": "the confidence score CS (eq. 7) and its window s_l < CS < s_h (Alg. 1)",
    "proxy": "the samples that represent all unseen classes (Alg. 1)",
    "vsmm": "the visual-semantic mapping module (eqs. 3-5, 8 and 9)",
    "router": "from the entropy of C to a label (eqs. 1, 2 and 10)",
}


@names_checked(COMMAND)
@dataclass(frozen=True, kw_only=True)
class Settings:
    """All hyper-parameters. The defaults are the `paper` preset's.

    Parameters
    ----------
    {settings}
    """

    scale_features: str = setting(
        "minmax",
        choices=("minmax", "standard", "none"),
        text="Scaling of each feature: to the range 0 to 1 (minmax), to mean 0 and standard "
        "deviation 1 (standard) or not at all (none). Change it together with gan_output.",
        source="common in the field; the paper does not say",
    )
    scale_prototypes: str = setting(
        "l2",
        choices=("l2", "minmax", "standard", "none"),
        text="Scaling of the prototypes: each row to length 1 (l2), or each attribute as "
        "scale_features scales a feature.",
        source="chosen here; the paper does not say",
    )

    gan_generator_hidden: tuple[int, ...] = setting(
        (4096,),
        above=0,
        unit="units of each layer",
        text="Hidden layers of the generator, from the noise to the features. Smaller ones train "
        "faster and suit small data.",
        source="f-CLSWGAN (Xian et al., CVPR 2018); the paper does not give its networks",
    )
    gan_critic_hidden: tuple[int, ...] = setting(
        (4096,),
        above=0,
        unit="units of each layer",
        text="Hidden layers of the critic, from the features to its score. One layer is the "
        "fastest case.",
        source="f-CLSWGAN; the paper does not give its networks",
    )
    gan_activation: str = setting(
        "leaky_relu",
        choices=("leaky_relu", "relu", "tanh", "softplus"),
        text="Activation of the hidden layers of generator and critic.",
        source="f-CLSWGAN, with slope 0.2 below 0",
    )
    gan_output: str = setting(
        "relu",
        choices=("relu", "sigmoid", "linear"),
        text="Activation of the generator's output. Take relu or sigmoid for features scaled by "
        "minmax, and linear for standard.",
        source="f-CLSWGAN, with features from 0 to 1",
    )
    gan_latent: int = setting(
        0,
        least=0,
        unit="numbers",
        text="Width of the noise z that the generator takes. 0 takes the width of the prototypes.",
        source="f-CLSWGAN, as many as there are attributes",
    )
    gan_lr: float = setting(
        1e-4,
        above=0,
        text="Learning rate of Adam for generator and critic. Lower it where training diverges or "
        "CS jumps over its window.",
        source="f-CLSWGAN: 1e-5 for AWA1, 1e-4 for CUB",
    )
    gan_beta1: float = setting(
        0.5,
        least=0,
        below=1,
        text="Adam's decay of the mean of gradients, for generator and critic.",
        source="f-CLSWGAN",
    )
    gan_beta2: float = setting(
        0.999,
        above=0,
        below=1,
        text="Adam's decay of the mean of squared gradients, for generator and critic.",
        source="f-CLSWGAN",
    )
    gan_penalty: float = setting(
        10.0,
        least=0,
        text="Weight lambda of the gradient penalty. 0 trains without it.",
        source="eq. 6, with the value of f-CLSWGAN",
    )
    gan_critic_steps: int = setting(
        5,
        above=0,
        unit="steps",
        text="Steps of the critic for each step of the generator.",
        source="f-CLSWGAN",
    )
    gan_batch: int = setting(
        64,
        above=0,
        unit="samples",
        text="Size of a batch for the CWGAN. Larger ones use the processor better and make fewer "
        "steps an epoch.",
        source="f-CLSWGAN",
    )
    gan_max_epochs: int = setting(
        60,
        above=0,
        unit="epochs",
        text="Maximum number of epochs of the CWGAN; an epoch is N / gan_batch steps of the "
        "generator. Raise it where CS does not reach its window.",
        source="chosen here",
    )
    gan_train_on: bool = setting(
        False,
        text="Whether the CWGAN is trained to gan_max_epochs even if the snapshots for the proxies "
        "are found earlier. It takes longer and gives the whole curve of CS.",
        source="chosen here; true is for the paper's figure 5",
    )

    ptc_solver: str = setting(
        "lbfgs",
        choices=("lbfgs", "adam"),
        text="How the PTC is fitted. lbfgs needs no learning rate; adam is common in the field and "
        "takes ptc_lr, ptc_epochs and ptc_batch.",
        source="decided by measurement: with Adam at a fixed rate the real samples of letters had "
        "a CS of 1.4 out of 20, with L-BFGS of 5 to 10",
    )
    ptc_l2: tuple[float, ...] = setting(
        (1e-2, 1e-3, 1e-4, 1e-5, 1e-6),
        above=0,
        filled=True,
        text="L2 penalties of the PTC to try. The one with the least log-loss on held-out samples "
        "is taken.",
        source="decided by measurement: on 100 classes of CUB the CS of real samples goes from 70 "
        "to 5 as the penalty goes from 1e-5 to 1e-2, so no fixed one would do",
    )
    ptc_lr: float = setting(
        1e-3,
        above=0,
        text="Learning rate of Adam for the PTC. Used where ptc_solver is adam.",
        source="common in the field",
    )
    ptc_epochs: int = setting(
        50,
        above=0,
        unit="epochs",
        text="Passes of Adam over the PTC's training samples. Used where ptc_solver is adam.",
        source="common in the field",
    )
    ptc_batch: int = setting(
        100,
        above=0,
        unit="samples",
        text="Size of a batch for the PTC. Used where ptc_solver is adam.",
        source="common in the field",
    )

    cs_unit: str = setting(
        "relative",
        choices=("relative", "absolute"),
        text="Unit of cs_low and cs_high: r = ln CS / ln CS of held-out real samples (relative), "
        "or CS itself, from 1 to the number of seen classes (absolute).",
        source="chosen here, as CS depends on how the PTC is regularised; absolute is eq. 7",
    )
    cs_low: float = setting(
        0.40,
        least=0,
        unit="r, or CS where cs_unit is absolute",
        text="Lower end s_l of the window. Snapshots above it give proxies; a higher one gives "
        "proxies that look more like real samples.",
        source="Alg. 1; the value was chosen here",
    )
    cs_high: float = setting(
        0.70,
        above=0,
        unit="r, or CS where cs_unit is absolute",
        text="Upper end s_h of the window. Snapshots above it give no proxies, as these would look "
        "too much like real samples.",
        source="Alg. 1; the value was decided by measurement: beyond it the CWGAN takes several "
        "times as long, and H did not rise by more than noise on folds of CUB and of letters",
    )
    cs_per_class: int = setting(
        25,
        above=0,
        unit="samples",
        text="Generated samples of each seen class that are scored at a look. More make the curve "
        "of CS smoother.",
        source="chosen here",
    )
    cs_held_out: float = setting(
        0.2,
        above=0,
        below=1,
        unit="share of each class",
        text="Training samples that the PTC is not trained on. They choose its L2 and give the CS "
        "of real samples.",
        source="chosen here",
    )

    proxy_count: int = setting(
        4000,
        above=0,
        unit="samples",
        text="Number of proxies that the VSMM is trained with.",
        source="the paper's figure 7, which asks for 3000 or more",
    )
    proxy_from: str = setting(
        "single",
        choices=("single", "pool"),
        text="Which snapshots the proxies come from: the first one in the window (single), with "
        "which the CWGAN's training ends, or all of them, at most eight, in equal shares (pool).",
        source="chosen here; measured on CUB and letters, the two hardly differ",
    )

    vsmm_latent: int = setting(
        512,
        above=0,
        unit="dimensions",
        text="Width m of the space that f_v and f_s map to.",
        source="chosen here; the paper does not say",
    )
    vsmm_hidden: tuple[int, ...] = setting(
        (),
        above=0,
        unit="units of each layer",
        text="Hidden ReLU layers of f_v and f_s, and of g in reverse order. An empty list makes "
        "the maps linear.",
        source="chosen here; the paper does not say",
    )
    vsmm_lr: float = setting(
        1e-3,
        above=0,
        text="Learning rate of Adam for the VSMM. Lower it where training diverges.",
        source="chosen here; by validation in the preset small",
    )
    vsmm_beta1: float = setting(
        0.9,
        least=0,
        below=1,
        text="Adam's decay of the mean of gradients, for the VSMM.",
        source="Adam (Kingma and Ba, ICLR 2015)",
    )
    vsmm_beta2: float = setting(
        0.999,
        above=0,
        below=1,
        text="Adam's decay of the mean of squared gradients, for the VSMM.",
        source="Adam (Kingma and Ba, ICLR 2015)",
    )
    vsmm_epochs: int = setting(
        40,
        above=0,
        unit="epochs",
        text="Passes over the training samples. Raise it where the classifier has not learnt its "
        "training samples.",
        source="chosen here; by validation in the presets small and letters",
    )
    vsmm_batch: int = setting(
        128,
        above=0,
        unit="samples",
        text="Seen samples in a batch for the VSMM, beside as many proxies.",
        source="chosen here",
    )
    vsmm_reduction: str = setting(
        "sum",
        choices=("sum", "mean"),
        text="Whether eqs. 3 and 4 take the sum or the mean over the dimensions. Take mean where "
        "the classifier learns little.",
        source="eqs. 3 and 4 as printed; mean in the preset small is decided by measurement: on "
        "folds of 100 classes of CUB it has H 0.644, sum 0.139",
    )
    vsmm_weight_ae: float = setting(
        1.0,
        least=0,
        text="Weight of the reconstruction loss L_AE in the objective.",
        source="eq. 3, with the paper's weight",
    )
    vsmm_weight_le: float = setting(
        1.0,
        least=0,
        text="Weight of L_LE, the distance between f_v of a sample and f_s of its prototype, in "
        "the objective.",
        source="eq. 4, with the paper's weight",
    )
    vsmm_weight_clf: float = setting(
        1.0,
        least=0,
        text="Weight of the cross-entropy of the classifier C in the objective.",
        source="eq. 5, with the paper's weight",
    )
    vsmm_weight_es: float = setting(
        1.0,
        least=0,
        text="Weight of the entropy separation L_ES in the objective. 0 trains without proxies, "
        "and so without a CWGAN, in a fraction of the time.",
        source="eqs. 8 and 9, with the paper's weight",
    )
    vsmm_gamma: float = setting(
        1.0,
        least=0,
        unit="nats",
        text="Margin by which the mean entropy of proxies should exceed that of seen samples. "
        "Raise it where a warning says that separation has almost no effect.",
        source="eq. 8, with the paper's value",
    )

    router_gate: str = setting(
        "hard",
        choices=("hard", "soft", "learned"),
        text="What decides between seen and unseen: two thresholds on the entropy H (hard), the "
        "probability sigmoid((bias - H / ln S) / width) of all seen classes together (soft), or "
        "such a probability learned from several features (learned).",
        source="hard is eq. 10; soft and learned were added here",
    )
    router_unit: str = setting(
        "nats",
        choices=("nats", "measured"),
        text="Unit of the two thresholds: nats, or positions between the median entropies of "
        "held-out seen samples (0) and of fresh proxies (1), which training measures (measured). "
        "For the hard gate.",
        source="nats is eq. 10; measured was added here",
    )
    router_delta_low: float = setting(
        0.5,
        least=0,
        unit="nats, or a position where router_unit is measured",
        text="Threshold delta_l: a sample of lower entropy gets a seen class from C. Between the "
        "two thresholds all classes are candidates. For the hard gate.",
        source="eq. 10, with the paper's value",
    )
    router_delta_high: float = setting(
        1.5,
        least=0,
        unit="nats, or a position where router_unit is measured",
        text="Threshold delta_h: a sample of higher entropy gets an unseen class. Lower it where "
        "too few samples do. For the hard gate.",
        source="eq. 10, with the paper's value",
    )
    router_held_out: float = setting(
        0.1,
        above=0,
        below=1,
        unit="share of each class",
        text="Training samples that are kept from all training, to measure the unit of the "
        "thresholds. Used where router_unit is measured.",
        source="chosen here",
    )
    router_bias: float = setting(
        0.1,
        least=0,
        unit="fraction of ln S",
        text="Entropy at which the soft gate is 1/2. A lower one sends more samples to unseen "
        "classes.",
        source="decided by measurement, on validation folds of 100 classes of CUB",
    )
    router_width: float = setting(
        0.4,
        above=0,
        unit="fraction of ln S",
        text="Range of entropies over which the soft gate changes. A smaller one is nearer to a "
        "single threshold.",
        source="decided by measurement, on validation folds of 100 classes of CUB",
    )
    router_tau: float = setting(
        0.2,
        above=0,
        unit="standard deviations of F on training samples",
        text="Temperature tau of softmax(F / tau), the probabilities of the unseen classes under "
        "the soft and the learned gate. A smaller one favours the nearest unseen class more.",
        source="decided by measurement, on validation folds of 100 classes of CUB",
    )
    router_features: tuple[str, ...] = setting(
        ("entropy", "gap"),
        filled=True,
        choices=("entropy", "gap", "neighbours"),
        text="What the learned gate looks at: the entropy of C, by how much the best seen class "
        "fits better than the best unseen one (gap), and the similarity to the nearest training "
        "samples (neighbours). With neighbours the model holds training samples.",
        source="decided by measurement, on validation folds of 100 classes of CUB",
    )
    router_weights: tuple[float, ...] = setting(
        (),
        text="Weights of the learned gate's features, after standardising. Without them fit finds "
        "all of the gate's numbers on folds of the training samples, router_tau among them.",
        source="fitted by fit",
    )
    router_means: tuple[float, ...] = setting(
        (),
        text="Means of the features on the folds, for the learned gate.",
        source="fitted by fit",
    )
    router_deviations: tuple[float, ...] = setting(
        (),
        above=0,
        text="Standard deviations of the features on the folds, for the learned gate.",
        source="fitted by fit",
    )
    router_intercept: float = setting(
        0.0,
        text="What the learned gate adds to the weighted features. A larger one favours seen "
        "classes.",
        source="fitted by fit",
    )
    router_kappa: float = setting(
        1.0,
        above=0,
        text="Factor kappa of the learned gate's evidence. A larger one makes the gate surer.",
        source="fitted by fit",
    )
    router_offset: float = setting(
        0.0,
        unit="nats",
        text="Offset o that the learned gate subtracts. A larger one favours unseen classes.",
        source="fitted by fit",
    )
    router_fold_unseen: tuple[int, ...] = setting(
        (),
        above=0,
        text="Numbers of pseudo-unseen classes of the folds that the learned gate was fitted on.",
        source="fitted by fit",
    )
    router_metric: str = setting(
        "euclidean",
        choices=("euclidean", "dot", "cosine"),
        text="Compatibility F of a sample and a class: minus the Euclidean distance of f_v(x) and "
        "f_s(a) (euclidean), their inner product (dot), or that of unit vectors (cosine).",
        source="eqs. 1 and 2 leave it open; chosen here, as eq. 4 trains the distance",
    )
    router_temperature: float = setting(
        1.0,
        above=0,
        text="Temperature of softmax(F / temperature), the score of a label that F decides under "
        "the hard gate. It changes no label.",
        source="chosen here",
    )

    def __post_init__(self) -> None:
        for name, about in SETTINGS.items():
            about.check(getattr(self, name))
        self._check_window()
        self._check_thresholds()
        self._check_gate()

    def sections(self) -> dict[str, dict[str, Any]]:
        """{section: {key: value}}, as in config.toml."""
        nested: dict[str, dict[str, Any]] = {}
        for name, value in asdict(self).items():
            section, key = name.split("_", 1)
            nested.setdefault(section, {})[key] = value
        return nested

    def _check_window(self) -> None:
        if self.cs_low >= self.cs_high:
            raise InputError(
                f"cs_low is {self.cs_low} and cs_high {self.cs_high}; the window needs "
                "cs_low < cs_high"
            )
        if self.cs_unit == "absolute" and self.cs_high <= 1:
            raise InputError(
                f"cs_high is {self.cs_high} but an absolute CS is at least 1; give the window as "
                "numbers between 1 and the number of seen classes"
            )

    def _check_thresholds(self) -> None:
        if self.router_delta_low > self.router_delta_high:
            raise InputError(
                f"router_delta_low is {self.router_delta_low} and router_delta_high "
                f"{self.router_delta_high}; eq. 10 needs delta_low <= delta_high"
            )
        if self.router_unit == "measured" and self.router_gate != "hard":
            raise InputError(
                "router_unit is 'measured', a unit of eq. 10's thresholds, but router_gate is "
                f"{self.router_gate!r}; pass router_gate='hard' or router_unit='nats'"
            )
        if self.router_unit == "measured" and self.vsmm_weight_es == 0:
            raise InputError(
                "router_unit is 'measured', which needs proxies, but vsmm_weight_es is 0; raise "
                "it, or pass router_unit='nats'"
            )

    def _check_gate(self) -> None:
        features = self.router_features
        if len(set(features)) < len(features):
            raise InputError(
                f"router_features is {', '.join(features)}, with one of them twice; name each once"
            )
        for name in ("router_weights", "router_means", "router_deviations"):
            count = len(getattr(self, name))
            if count != (len(features) if self.router_weights else 0):
                raise InputError(
                    f"{name} has {count} numbers for {len(features)} router_features; give one "
                    "per feature in router_weights, router_means and router_deviations, or none "
                    "in all three to have them fitted"
                )


SETTINGS: dict[str, Setting] = {field.name: setting_of(field) for field in fields(Settings)}
