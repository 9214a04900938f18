from inference.models.acquisition_batch import AcquisitionBatch, AcquisitionItem, Strategy
from inference.models.embedding import Embedding
from inference.models.finetune_run import FineTuneRun
from inference.models.label_snapshot import LabelSnapshot, LabelSnapshotEntry, Partition, PatientPartition
from inference.models.model_version import ModelVersion, Stage
from inference.models.prediction import CriterionPrediction, Prediction, ScoringRefusal
from inference.models.prompt_correction import PromptCorrection

__all__ = [
    "AcquisitionBatch",
    "AcquisitionItem",
    "CriterionPrediction",
    "Embedding",
    "FineTuneRun",
    "LabelSnapshot",
    "LabelSnapshotEntry",
    "ModelVersion",
    "Partition",
    "PatientPartition",
    "Prediction",
    "PromptCorrection",
    "ScoringRefusal",
    "Stage",
    "Strategy",
]
