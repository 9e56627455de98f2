"""The keys that say what a classifier learns from labels, and beyond them; ``pipeline.lessons`` and ``train`` heed them."""

from pydantic import Field

from pipeline.config import Settings


class LessonsConfig(Settings):
    """Votes, a teacher and an exchange of names: the same for every classifier that is fitted to sentences."""

    teacher: str = Field("", description="a trained model's folder, or its answers from 'stance teach', learned as well")
    teacher_share: float = Field(0.5, ge=0, le=1, description="how far gold targets move toward the teacher's")
    unlabelled: tuple[str, ...] = Field((), description="articles to learn from through the teacher alone")
    votes: float = Field(0.0, ge=0, le=1, description="how far targets move toward the shares of the annotators' votes")
    swaps: str = Field("", description="groups of names that training exchanges, so that they do not tell the labels")
