"""Acquisition parameters of headers as targets."""

import numpy as np
import pytest

from inference.mediqa.physics.headers import HEADER_PARAMETERS, header_parameters, header_targets


def test_headers_become_z_scores_within_modality_and_vendor():
    parameters = [{"echo_time_ms": float(value)} for value in (10, 20, 40)] * 4 + [{}]
    scores = header_targets(parameters, ["MR"] * 13, ["A"] * 13)
    column = HEADER_PARAMETERS.index("echo_time_ms")
    assert np.isnan(scores[12]).all()
    assert scores[1, column] == pytest.approx(0.0, abs=1e-6)  # the median
    assert scores[2, column] == pytest.approx(-scores[0, column], rel=1e-4)  # on a logarithmic scale
    other = header_targets(parameters, ["MR"] * 13, ["A"] * 12 + ["B"])
    np.testing.assert_allclose(other[:12], scores[:12])


def test_header_values_are_read_with_their_oddities():
    found = header_parameters({"MagneticFieldStrength": "15000", "EchoTime": "", "PixelSpacing": [0.5, 0.5], "KVP": 0})
    assert found == {"field_tesla": 1.5, "pixel_spacing_mm": 0.5}
