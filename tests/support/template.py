"""infra/filehub.yaml as CloudFormation evaluates it, without any AWS."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.support.local_aws import TEMPLATE

#: Stands for a value that CloudFormation leaves out.
_NO_VALUE = object()
NAMES = {
    "BucketName": "the-bucket",
    "TableName": "the-table",
    "EventsQueueName": "the-events",
    "TasksQueueName": "the-tasks",
    "TasksVisibilityTimeout": "180",
    "CorsOrigins": "https://files.example.com",
}


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short tags, such as `!Sub x` as {"Sub": "x"}."""


def _tagged(loader: _Loader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    return {suffix: loader.construct_sequence(node, deep=True)}  # type: ignore[arg-type]


_Loader.add_multi_constructor("!", _tagged)


@cache
def source(path: Path = TEMPLATE) -> Any:
    """A YAML file, with its tags unevaluated. Do not change the result: callers share it."""
    return yaml.load(path.read_text(), _Loader)


def render(region: str = "eu-west-1", **parameters: str) -> Any:
    """The template's resources and outputs with these parameters, and the defaults of the rest."""
    template = source()
    values = {
        name: str(declared["Default"])
        for name, declared in template["Parameters"].items()
        if "Default" in declared
    }
    unknown = parameters.keys() - template["Parameters"].keys()
    assert not unknown, unknown
    evaluation = _Evaluation(template, values | NAMES | parameters, region)
    return {section: evaluation.present(template[section]) for section in ("Resources", "Outputs")}


class _Evaluation:
    def __init__(self, template: Any, parameters: dict[str, str], region: str) -> None:
        is_china = region.startswith("cn-")
        self._conditions = template["Conditions"]
        self._refs = parameters | {
            "AWS::Region": region,
            "AWS::Partition": "aws-cn" if is_china else "aws",
            "AWS::URLSuffix": "amazonaws.com.cn" if is_china else "amazonaws.com",
            "AWS::AccountId": "123456789012",
            "AWS::StackName": "filehub",
        }

    def present(self, section: Any) -> Any:
        """The entries whose condition is true, evaluated."""
        return {
            name: self._evaluate({k: v for k, v in entry.items() if k != "Condition"})
            for name, entry in section.items()
            if self._is_true(entry.get("Condition"))
        }

    def _is_true(self, name: str | None) -> bool:
        return name is None or bool(self._evaluate(self._conditions[name]))

    def _evaluate(self, value: Any) -> Any:
        if isinstance(value, list):
            items = [self._evaluate(item) for item in value]
            return [item for item in items if item is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name in {"Ref", "Sub", "GetAtt", "If", "Equals", "Not", "Join"}:
                return getattr(self, f"_{name.lower()}")(argument)
        entries = {key: self._evaluate(item) for key, item in value.items()}
        return {key: item for key, item in entries.items() if item is not _NO_VALUE}

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name == "CorsOrigins":
            return [origin for origin in self._refs[name].split(",") if origin]
        return self._refs.get(name, f"<{name}>")

    def _sub(self, text: str) -> str:
        return re.sub(
            r"\$\{([^}]+)\}", lambda match: self._refs.get(match[1], f"<{match[1]}>"), text
        )

    def _getatt(self, name: str) -> str:
        return f"<{name}>"

    def _if(self, arguments: list[Any]) -> Any:
        return self._evaluate(arguments[1 if self._is_true(arguments[0]) else 2])

    def _equals(self, arguments: list[Any]) -> bool:
        first, second = map(self._evaluate, arguments)
        return bool(first == second)

    def _not(self, arguments: list[Any]) -> bool:
        return not self._evaluate(arguments[0])

    def _join(self, arguments: list[Any]) -> str:
        return str(arguments[0]).join(self._evaluate(arguments[1]))
