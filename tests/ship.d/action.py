"""Stands in for GitHub's runner: runs the steps of action.yml as its shell does, then later steps
of the same job, and stops what they have started.

    action.py JOB WORD=VALUE...

JOB is a folder with home, temp, tools and workspace. WORD is an input of the Action, or one of:
later (commands of a later step), server and repository (where the Action comes from), and the
name of a variable in capitals.
"""

import os
import pathlib
import re
import subprocess
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
SYSTEM = "/usr/local/bin:/usr/bin:/bin"


def lines_of(text):
    """What a step has written to GITHUB_ENV or GITHUB_OUTPUT, parsed as the runner does."""
    found, lines = {}, iter(text.splitlines())
    for line in lines:
        if many := re.fullmatch(r"([^=<]+)<<(.+)", line):
            value = []
            while (line := next(lines)) != many[2]:
                value.append(line)
            found[many[1]] = "\n".join(value)
        elif line:
            name, value = line.split("=", 1)
            found[name] = value
    assert "NODE_OPTIONS" not in found, "the runner refuses NODE_OPTIONS"
    return found


class Job:
    def __init__(self, folder, words):
        self.folder = folder
        self.words = words
        self.path, self.env, self.outputs = [], {}, {}
        self.inputs = {name: words.get(name, about["default"]) for name, about in ACTION["inputs"].items()}

    def value(self, text, outputs=None):
        def one(found):
            kind, name = found[1].split(".", 1)
            if kind == "inputs":
                return self.inputs[name]
            assert found[1] == "github.action_repository", found[1]
            return self.words.get("repository", "")
        return re.sub(r"\$\{\{ ([a-z_.]+) \}\}", one, text)

    def holds(self, condition):
        """Evaluates the conditions that action.yml uses, of those that a step can have."""
        name, operator = re.fullmatch(r"inputs\.(\w+) (==|!=) ''", condition).groups()
        return (self.inputs[name] == "") == (operator == "==")

    def run(self, commands, env):
        files = {name: self.folder / name for name in ("GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT")}
        for file in files.values():
            file.write_text("")
        script = self.folder / "step.sh"
        script.write_text(commands)
        own = {name: value for name, value in self.words.items() if name.isupper()}
        about = {
            **own, "HOME": str(self.folder / "home"), "CI": "true", "AZUP_STORES": "none",
            "GITHUB_ACTION_PATH": str(ROOT), "GITHUB_SERVER_URL": self.words.get("server", ""),
            "RUNNER_TEMP": str(self.folder / "temp"), "RUNNER_TOOL_CACHE": str(self.folder / "tools"),
            **self.env, **{name: str(file) for name, file in files.items()}, **env,
            "PATH": ":".join([*self.path, SYSTEM])}
        done = subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", script],
                              env=about, cwd=self.folder / "workspace", stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            sys.exit(done.returncode)
        self.env.update(lines_of(files["GITHUB_ENV"].read_text()))
        self.path = files["GITHUB_PATH"].read_text().split("\n")[:-1][::-1] + self.path
        return lines_of(files["GITHUB_OUTPUT"].read_text())

    def steps(self):
        for step in ACTION["runs"]["steps"]:
            assert step["shell"] == "bash", step
            if self.holds(step["if"]) if "if" in step else True:
                env = {name: self.value(text) for name, text in step.get("env", {}).items()}
                outputs = self.run(step["run"], env)
                self.outputs.update({f"steps.{step.get('id')}.outputs.{name}": value for name, value in outputs.items()})
        for name, about in ACTION["outputs"].items():
            print(f"output {name}={self.outputs[about['value'].strip('${} ')]}", flush=True)


def main():
    folder = pathlib.Path(sys.argv[1])
    for name in ("home", "temp", "tools", "workspace"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    job = Job(folder, dict(word.split("=", 1) for word in sys.argv[2:]))
    assert set(job.words) <= {*job.inputs, "later", "server", "repository"} | {name for name in job.words if name.isupper()}
    try:
        job.steps()
        if "later" in job.words:
            job.run(job.words["later"], {})
    finally:
        # The runner ends what a job has left running; nothing else would do it here.
        stop = {"HOME": str(folder / "home"), "PATH": os.pathsep.join([*job.path, SYSTEM])}
        subprocess.run(["bash", "-c", "! command -v azup > /dev/null || azup down --all -q"], env=stop, check=True)


if __name__ == "__main__":
    main()
