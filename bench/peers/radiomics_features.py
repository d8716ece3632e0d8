"""First-order statistics and co-occurrence features of saliency maps, as users of pyradiomics and Nyxus compute them."""

import logging
import multiprocessing

import numpy as np
import nyxus
import SimpleITK as sitk
from radiomics import firstorder, glcm

from serve import serve, timed, versions

logging.getLogger("radiomics").setLevel(logging.ERROR)
arrays = {}
state = {}

FIRST_ORDER = "10Percentile 90Percentile Energy Entropy InterquartileRange Kurtosis Maximum MeanAbsoluteDeviation Mean Median Minimum Range RobustMeanAbsoluteDeviation RootMeanSquared Skewness StandardDeviation TotalEnergy Uniformity Variance".split()
GLCM = "Autocorrelation ClusterProminence ClusterShade ClusterTendency Contrast Correlation DifferenceAverage DifferenceEntropy DifferenceVariance Id Idm Idmn Idn Imc1 Imc2 InverseVariance JointAverage JointEnergy JointEntropy MCC MaximumProbability SumAverage SumEntropy SumSquares".split()

# Nyxus' names of the same features; it has no TotalEnergy and no MCC.
NYXUS = [
    *"P10 P90 ENERGY ENTROPY INTERQUARTILE_RANGE KURTOSIS MAX MEAN_ABSOLUTE_DEVIATION MEAN MEDIAN MIN RANGE".split(),
    *"ROBUST_MEAN_ABSOLUTE_DEVIATION ROOT_MEAN_SQUARED SKEWNESS STANDARD_DEVIATION UNIFORMITY VARIANCE".split(),
    *[
        f"GLCM_{name}"
        for name in "ACOR CLUPROM CLUSHADE CLUTEND CONTRAST CORRELATION DIFAVE DIFENTRO DIFVAR ID IDM IDMN IDN INFOMEAS1 "
        "INFOMEAS2 IV JAVE ASM JE JMAX SUMAVERAGE SUMENTROPY JVAR".split()
    ],
]


def load(files, threads):
    """files: {name: [path, dtype, shape]}, raw little-endian arrays. Maps become what each package takes."""
    if "pool" in state:
        state["pool"].terminate()
    for name, (path, dtype, shape) in files.items():
        arrays[name] = np.fromfile(path, dtype).reshape(shape)
    values = arrays["maps"].astype(np.float64) * 255
    state["values"] = values
    state["whole"] = np.ones(values.shape[1:], np.uint8)
    state["pool"] = multiprocessing.get_context("fork").Pool(threads) if threads > 1 else None
    state["integers"] = values.astype(np.uint32)
    state["segments"] = np.ones(values.shape, np.uint32)
    state["names"] = [f"map{i}" for i in range(len(values))]
    state["nyxus"] = nyxus.Nyxus(NYXUS, n_feature_calc_threads=threads, coarse_gray_depth=11)
    return {"versions": versions("pyradiomics", "nyxus", "numpy", "SimpleITK")}


def classes_of(index):
    """The feature classes themselves, without the extractor's checks and copies: pyradiomics at its fastest."""
    image = sitk.GetImageFromArray(state["values"][index])
    mask = sitk.GetImageFromArray(state["whole"])
    rows = []
    for feature_class, names in ((firstorder.RadiomicsFirstOrder, FIRST_ORDER), (glcm.RadiomicsGLCM, GLCM)):
        features = feature_class(image, mask, binWidth=25)
        for name in names:
            features.enableFeatureByName(name)
        result = features.execute()
        rows += [float(result[name]) for name in names]
    return rows


def pyradiomics_classes():
    indices = range(len(state["values"]))
    return np.array(state["pool"].map(classes_of, indices) if state["pool"] else [classes_of(i) for i in indices])


def nyxus_features():
    table = state["nyxus"].featurize(state["integers"], state["segments"], state["names"], state["names"])
    return table.select_dtypes("number").to_numpy()


peers = {"pyradiomics": pyradiomics_classes, "nyxus": nyxus_features}

serve({"load": load, "run": timed(peers, np.float64)})
