"""Ask the questions in questions.json and measure: is the right passage found, cited, and quoted?

Writes report.md and fails below the floors. Your own documents and questions belong here: put files
into documents/ and lines into questions.json.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path += [str(HERE.parent / "tests"), str(HERE.parent / "src")]

from support import App, embedded  # noqa: E402

# What the extractive answerer reaches today, less one question: a change that costs two is a regression.
FLOORS = {"found": 0.93, "first": 0.87, "answered": 0.87, "refused": 0.66}


def main() -> int:
    with embedded("rag-eval-") as environment, App(environment) as app:
        for file in sorted((HERE / "documents").iterdir()):
            document = app.index(file.name, file.read_bytes())
            if document["status"] != "ready":
                sys.exit(f"{file.name}: {document['error']}")
        rows = [judge(app, item) for item in json.loads((HERE / "questions.json").read_text("utf-8"))]
    scores = {name: mean([row[name] for row in rows if row[name] is not None]) for name in FLOORS}
    report = write(rows, scores)
    print(report)
    failed = [name for name, floor in FLOORS.items() if scores[name] < floor]
    if failed:
        print(f"below the floor: {', '.join(failed)}; see eval/report.md", file=sys.stderr)
    return 1 if failed else 0


def judge(app: App, item: dict[str, str | None]) -> dict[str, object]:
    answer = app.ask(str(item["question"]))
    names = [source["document_name"] for source in answer["sources"]]
    if item["document"] is None:
        return {
            "question": item["question"],
            "found": None,
            "first": None,
            "answered": None,
            "refused": answer["mode"] == "none",
        }
    cited = [source for source in answer["sources"] if source["cited"]]
    return {
        "question": item["question"],
        "found": item["document"] in names,
        "first": names[:1] == [item["document"]],
        "answered": str(item["contains"]) in answer["text"]
        and any(str(item["contains"]) in " ".join(source["text"].split()) for source in cited),
        "refused": None,
    }


def mean(values: list[object]) -> float:
    return sum(map(bool, values)) / len(values)


def write(rows: list[dict[str, object]], scores: dict[str, float]) -> str:
    lines = ["# Evaluation", "", "| measure | score | floor |", "|---|---|---|"]
    lines += [f"| {name} | {scores[name]:.2f} | {floor:.2f} |" for name, floor in FLOORS.items()]
    lines += ["", "| question | " + " | ".join(FLOORS) + " |", "|---|" + "---|" * len(FLOORS)]
    marks = {True: "yes", False: "**no**", None: ""}
    lines += [
        f"| {row['question']} | " + " | ".join(marks[row[name]] for name in FLOORS) + " |"  # type: ignore[index]
        for row in rows
    ]
    report = "\n".join(lines) + "\n"
    (HERE / "report.md").write_text(report, "utf-8")
    return report


if __name__ == "__main__":
    sys.exit(main())
