"""Derive how mean and variance move through sums of products of random variables, and check every line."""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # type checkers take it as true; `typing` itself would be most of the import time
if TYPE_CHECKING:
    from varprop.auditing.reports import (
        Audit as Audit,
        audit as audit,
    )
    from varprop.auditing.tables import (
        FrameworkAudit as FrameworkAudit,
        audit_framework as audit_framework,
    )
    from varprop.derivation.assumptions import (
        Assumption as Assumption,
    )
    from varprop.derivation.derive import (
        derive as derive,
    )
    from varprop.derivation.proofs import (
        Derivation as Derivation,
        Solution as Solution,
        Step as Step,
    )
    from varprop.derivation.quantities import (
        CentralMoment as CentralMoment,
        Covariance as Covariance,
        Cumulant as Cumulant,
        Equal as Equal,
        Kurtosis as Kurtosis,
        Mean as Mean,
        Moment as Moment,
        Quantity as Quantity,
        Skewness as Skewness,
        Variance as Variance,
    )
    from varprop.derivation.rules import (
        RULES as RULES,
        Requirement as Requirement,
        Rule as Rule,
    )
    from varprop.derivation.solve import (
        at as at,
        solve as solve,
    )
    from varprop.errors import (
        CheckError as CheckError,
        DerivationError as DerivationError,
        ExpressionError as ExpressionError,
        LawError as LawError,
        MomentError as MomentError,
        ParameterError as ParameterError,
        ParseError as ParseError,
        SamplingError as SamplingError,
        VarpropError as VarpropError,
        WorkLimitError as WorkLimitError,
    )
    from varprop.evidence import (
        Evidence as Evidence,
        Resolution as Resolution,
        check as check,
    )
    from varprop.evidence.estimating import (
        Estimate as Estimate,
        estimate as estimate,
        sample as sample,
    )
    from varprop.evidence.explaining import (
        Explanation as Explanation,
        explain as explain,
    )
    from varprop.interop.frameworks import (
        framework_initializer as framework_initializer,
        framework_initializers as framework_initializers,
    )
    from varprop.interop.records import (
        from_json as from_json,
        to_json as to_json,
    )
    from varprop.interop.tables import (
        read_table as read_table,
    )
    from varprop.interop.torch_measuring import (
        Comparison as Comparison,
        compare as compare,
    )
    from varprop.interop.torch_reading import (
        Reading as Reading,
        read as read,
    )
    from varprop.laws import (
        Digits as Digits,
        Law as Law,
        law as law,
    )
    from varprop.laws.bounding import (
        Bounds as Bounds,
        bounds as bounds,
    )
    from varprop.laws.bounds import (
        Bound as Bound,
        Hypothesis as Hypothesis,
    )
    from varprop.model.activations import (
        Activation as Activation,
        Transformed as Transformed,
        abs_ as abs_,
        activation as activation,
        celu as celu,
        cos as cos,
        elu as elu,
        erf as erf,
        exp as exp,
        gelu as gelu,
        gelu_tanh as gelu_tanh,
        hardsigmoid as hardsigmoid,
        hardswish as hardswish,
        hardtanh as hardtanh,
        identity as identity,
        leaky_relu as leaky_relu,
        mish as mish,
        polynomial as polynomial,
        prelu as prelu,
        relu as relu,
        relu2 as relu2,
        relu6 as relu6,
        selu as selu,
        sigmoid as sigmoid,
        silu as silu,
        sin as sin,
        softplus as softplus,
        softsign as softsign,
        square as square,
        step as step,
        tanh as tanh,
    )
    from varprop.model.axes import (
        Axis as Axis,
        Index as Index,
    )
    from varprop.model.distributions import (
        Bernoulli as Bernoulli,
        Constant as Constant,
        Distribution as Distribution,
        Dropout as Dropout,
        Exponential as Exponential,
        FrozenScipy as FrozenScipy,
        Laplace as Laplace,
        LogNormal as LogNormal,
        Mixture as Mixture,
        Normal as Normal,
        Rademacher as Rademacher,
        Rectified as Rectified,
        StudentT as StudentT,
        TruncatedNormal as TruncatedNormal,
        Uniform as Uniform,
        Unknown as Unknown,
    )
    from varprop.model.expression_texts import (
        parse_expression as parse_expression,
    )
    from varprop.model.expressions import (
        Expression as Expression,
        sum_over as sum_over,
    )
    from varprop.model.joint import (
        Empirical as Empirical,
        Joint as Joint,
        Orthogonal as Orthogonal,
    )
    from varprop.model.neurons import (
        dot as dot,
        neuron as neuron,
    )
    from varprop.model.parsing import (
        as_distribution as as_distribution,
        parse_distribution as parse_distribution,
    )
    from varprop.model.scalars import (
        parse_scalar as parse_scalar,
        symbol as symbol,
    )
    from varprop.model.variables import (
        RandomVariable as RandomVariable,
        RandomVector as RandomVector,
    )
    from varprop.networks.branches import (
        Concatenate as Concatenate,
        Residual as Residual,
        repeat as repeat,
        tied as tied,
    )
    from varprop.networks.catalogue import (
        glorot_normal as glorot_normal,
        glorot_uniform as glorot_uniform,
        he_normal as he_normal,
        he_uniform as he_uniform,
        initializer as initializer,
        lecun_normal as lecun_normal,
        lecun_uniform as lecun_uniform,
        orthogonal as orthogonal,
        xavier_normal as xavier_normal,
        xavier_uniform as xavier_uniform,
    )
    from varprop.networks.compromises import (
        Compromises as Compromises,
        compromises as compromises,
    )
    from varprop.networks.connectivity import (
        Connectivity as Connectivity,
    )
    from varprop.networks.finite_width import (
        NormLaw as NormLaw,
        norm_law as norm_law,
    )
    from varprop.networks.finite_width_kurtosis import (
        preactivation_kurtosis as preactivation_kurtosis,
    )
    from varprop.networks.gain_tables import (
        GainTable as GainTable,
        gain_table as gain_table,
    )
    from varprop.networks.gains import (
        Gain as Gain,
        gain as gain,
    )
    from varprop.networks.initializers import (
        Initializer as Initializer,
    )
    from varprop.networks.layers import (
        GLU as GLU,
        Dense as Dense,
        LayerNorm as LayerNorm,
        RMSNorm as RMSNorm,
    )
    from varprop.networks.mean_field import (
        MeanField as MeanField,
        mean_field as mean_field,
    )
    from varprop.networks.network import (
        Network as Network,
    )
    from varprop.networks.phase import (
        EdgeOfChaos as EdgeOfChaos,
        edge_of_chaos as edge_of_chaos,
    )
    from varprop.networks.positions import (
        AveragePool as AveragePool,
        Conv as Conv,
        Flatten as Flatten,
    )
    from varprop.networks.profile import (
        Profile as Profile,
    )
    from varprop.networks.propagating import (
        propagate as propagate,
    )
    from varprop.questions.answering import (
        answer as answer,
    )
    from varprop.questions.lecture import (
        lesson as lesson,
    )
    from varprop.questions.lessons import (
        Lesson as Lesson,
    )
    from varprop.questions.statements import (
        Answer as Answer,
        Finding as Finding,
        Statement as Statement,
    )
    from varprop.render import (
        Document as Document,
    )
    from varprop.simulation.premises import (
        Bounded as Bounded,
        KurtosisBound as KurtosisBound,
    )

__version__ = "0.1.0"

# Where the public names live. Nothing is imported before its first use.
_NAMES = {
    "errors": (
        "CheckError DerivationError ExpressionError LawError MomentError ParameterError ParseError "
        "SamplingError VarpropError WorkLimitError"
    ),
    "render": "Document",
    "model.scalars": "parse_scalar symbol",
    "model.distributions": (
        "Bernoulli Constant Distribution Dropout Exponential FrozenScipy Laplace LogNormal Mixture "
        "Normal Rademacher Rectified StudentT TruncatedNormal Uniform Unknown"
    ),
    "model.joint": "Empirical Joint Orthogonal",
    "model.parsing": "as_distribution parse_distribution",
    "model.axes": "Axis Index",
    "model.expression_texts": "parse_expression",
    "model.expressions": "Expression sum_over",
    "model.variables": "RandomVariable RandomVector",
    "model.activations": (
        "Activation Transformed abs_ activation celu cos elu erf exp gelu gelu_tanh hardsigmoid hardswish "
        "hardtanh identity leaky_relu mish polynomial prelu relu relu2 relu6 selu sigmoid silu sin softplus "
        "softsign square step tanh"
    ),
    "derivation.quantities": (
        "CentralMoment Covariance Cumulant Equal Kurtosis Mean Moment Quantity Skewness Variance"
    ),
    "model.neurons": "dot neuron",
    "derivation.assumptions": "Assumption",
    "derivation.derive": "derive",
    "derivation.proofs": "Derivation Solution Step",
    "derivation.rules": "RULES Requirement Rule",
    "derivation.solve": "at solve",
    "networks.branches": "Concatenate Residual repeat tied",
    "networks.layers": "GLU Dense LayerNorm RMSNorm",
    "networks.network": "Network",
    "networks.positions": "AveragePool Conv Flatten",
    "networks.profile": "Profile",
    "networks.propagating": "propagate",
    "evidence.estimating": "Estimate estimate sample",
    "evidence.explaining": "Explanation explain",
    "evidence": "Evidence Resolution check",
    "networks.catalogue": (
        "glorot_normal glorot_uniform he_normal he_uniform initializer lecun_normal lecun_uniform "
        "orthogonal xavier_normal xavier_uniform"
    ),
    "networks.compromises": "Compromises compromises",
    "networks.connectivity": "Connectivity",
    "networks.finite_width": "NormLaw norm_law",
    "networks.finite_width_kurtosis": "preactivation_kurtosis",
    "networks.gain_tables": "GainTable gain_table",
    "networks.gains": "Gain gain",
    "networks.initializers": "Initializer",
    "auditing.reports": "Audit audit",
    "auditing.tables": "FrameworkAudit audit_framework",
    "questions.lecture": "lesson",
    "questions.lessons": "Lesson",
    "networks.mean_field": "MeanField mean_field",
    "networks.phase": "EdgeOfChaos edge_of_chaos",
    "interop.frameworks": "framework_initializer framework_initializers",
    "laws": "Digits Law law",
    "simulation.premises": "Bounded KurtosisBound",
    "laws.bounding": "Bounds bounds",
    "laws.bounds": "Bound Hypothesis",
    "questions.answering": "answer",
    "questions.statements": "Answer Finding Statement",
    "interop.tables": "read_table",
    "interop.records": "from_json to_json",
    "interop.torch_measuring": "Comparison compare",
    "interop.torch_reading": "Reading read",
}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = list(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
