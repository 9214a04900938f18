from annotations.models.anchor_image import AnchorImage
from annotations.models.assignment import MIXED_IN, Assignment, Purpose
from annotations.models.bookmark import Bookmark
from annotations.models.display_check import DisplayCheck
from annotations.models.draft import Draft
from annotations.models.hanging import Hanging
from annotations.models.imaging import (
    Dimension,
    Image,
    ImageSlice,
    Instance,
    PhysicalParameters,
    Series,
    Study,
)
from annotations.models.ingestion import IngestRefusal, ProjectInstance, StagedFile
from annotations.models.job import Job, JobKind, JobState
from annotations.models.project import (
    Arm,
    DisplayCheckPolicy,
    Membership,
    Project,
    ProjectImage,
    PromotionPolicy,
    Role,
)
from annotations.models.reading import (
    Abstention,
    AbstentionReason,
    Confidence,
    DisplayNotice,
    Finding,
    Reading,
    Score,
    fed_back_to,
    has_nothing_left_of,
    unblinded_for,
)
from annotations.models.rubric import Criterion, Rubric
from annotations.models.user import User

__all__ = [
    "MIXED_IN",
    "Abstention",
    "AbstentionReason",
    "AnchorImage",
    "Arm",
    "Assignment",
    "Bookmark",
    "Confidence",
    "Criterion",
    "Dimension",
    "DisplayCheck",
    "DisplayCheckPolicy",
    "DisplayNotice",
    "Draft",
    "Finding",
    "Hanging",
    "Image",
    "ImageSlice",
    "IngestRefusal",
    "Instance",
    "Job",
    "JobKind",
    "JobState",
    "Membership",
    "PhysicalParameters",
    "Project",
    "ProjectImage",
    "ProjectInstance",
    "PromotionPolicy",
    "Purpose",
    "Reading",
    "Role",
    "Rubric",
    "Score",
    "Series",
    "StagedFile",
    "Study",
    "User",
    "fed_back_to",
    "has_nothing_left_of",
    "unblinded_for",
]
