"""What a router knows of an expert: a description and questions that are meant for it, in English and Chinese.

Questions without a description of their own language would find nothing by their words.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from retrieval.descriptions import described

Kind = Literal["tool", "pipeline", "model"]
MODEL = "model"
"""The name of the fall-back: the run's backend by itself."""


class Card(BaseModel):
    """Of the caller's own, in the place of what the service says of an expert."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    expert: str = Field(description="Name of a tool or a pipeline.")
    description: str = Field(default="", max_length=2_000, description="What it is for; empty: as the service says.")
    examples: tuple[str, ...] = Field(default=(), max_length=20, description="Questions that are meant for it.")
    question_as: str = Field(
        default="",
        description="Of a tool: the argument that takes the question as it is, so that no model has to extract it.",
    )
    options: dict[str, Any] = Field(default={}, description="Of a pipeline: its own options.")


class Expert(BaseModel):
    """One that a question may be sent to; a value of a graph's state."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Kind
    description: str
    examples: tuple[str, ...] = ()
    parameters: dict[str, Any] = {}
    """Of a tool: the JSON schema of its arguments."""
    question_as: str = ""

    def text(self) -> str:
        """What a question is compared with."""
        arguments = self.parameters.get("properties", {})
        return "\n".join((described(self.name, self.description, arguments), *self.examples))


EXAMPLES: dict[str, tuple[str, ...]] = {
    "calculator": (
        "What is 12.5 percent of 840?",
        "How much is (17 + 4) * 23?",
        "Compute the square root of 2025 divided by nine.",
        "三百二十的百分之十五是多少？",
        "计算 48 乘以 25 再减去 17 等于几？",
    ),
    "units": (
        "How many kilometres are 26 miles?",
        "Convert 98.6 degrees Fahrenheit to Celsius.",
        "100 dollars in euros",
        "五英里是多少公里？",
        "把100美元换算成人民币",
    ),
    "calendar": (
        "What day of the week was the fourth of July 1976?",
        "How many days are between the first of March and Christmas?",
        "What time is it in Tokyo now?",
        "2024年春节是星期几？",
        "今天的日期是什么？",
    ),
    "translate": (
        "How do you say good morning in French?",
        "Translate this sentence into German.",
        "把这句话翻译成英文",
    ),
    "sql": ("What is the average of the column price in my table?", "上传的表格里哪一行的销量最高？"),
    "fetch_url": ("Summarise the page https://example.com/news", "打开这个网址看看内容"),
    "python": ("Simulate a thousand dice rolls and plot a histogram.", "写一段代码画出正弦曲线"),
    "planner": ("Find a plan for this PDDL problem.", "为这个规划问题找出动作序列"),
    "search": ("Find passages about lamp posts in the documents.", "在文档里查找充电桩"),
    "wikipedia": ("What does the encyclopedia say about Ada Lovelace?", "百科全书里怎么介绍长城？"),
    "qa": ("Who wrote Pride and Prejudice?", "谁写了《红楼梦》？"),
    "rag": (
        "What do the documents say about it?",
        "Who did it, when, where, why, and how much did it cost according to the report?",
        "文档里是怎么说的？什么时候、在哪里、谁、为什么、多少？",
    ),
    "cot": ("A shop sells three apples for two euros; think step by step.", "一步一步推理这道应用题"),
    "tot": ("Make 24 of the numbers 4 9 10 13.", "用四个数算24点"),
    "llm_p": ("Stack block a on block b, then plan the moves.", "把积木按顺序叠起来"),
}
QUESTION_AS = {"search": "query", "qa": "question"}
"""Built-in tools that take the question as it is."""
