# shellcheck shell=bash
# The task before F5. On Windows VS Code starts cmd.exe with one line, which is the shell's
# arguments and the command with spaces between (read in its source, 1.139). cmd.exe is Wine's; azup
# and git are stand-ins that print how they were called. Sourced by tests/wine-story.

# PATH CODE: a program that prints its name and its arguments.
stand_in() {
    mkdir -p "$(dirname "$1")"
    cat > "$disk/stand-in.c" << 'END'
#include <stdio.h>
int main(int count, char **words)
{
    for (int at = 0; at < count; at++) printf(at ? " %s" : "%s", words[at]);
    puts("");
    return CODE;
}
END
    x86_64-w64-mingw32-gcc -s -DCODE="$2" -o "$1" "$disk/stand-in.c"
}

# PATH [LABEL]: the task with this PATH, in the project's folder.
task() {
    local code=0
    WINEPATH="C:\\node;$1" timeout 60 wine 'C:\node\node.exe' 'C:\task.cjs' "${2-azup: trust}" <&3 > "$disk/out" 2> "$disk/err" || code=$?
    return "$code"
}

# CODE LINE PATH: it exits with that code, and prints only that line.
says() {
    local code=0
    task "$3" || code=$?
    [ "$code" = "$1" ] || fail "the task ended with $code, not $1"
    [ "$(tr -d '\r' < "$disk/out")" = "$2" ] || fail "the task does not say: $2"
    [ ! -s "$disk/err" ] || fail "the task complains"
}

tells_task() {
    local home=$disk/users/root package=.venv/Lib/site-packages/azurite_up none code=0
    none='azup is not installed here, so trust was not checked: pipx install azurite-up'
    cat > "$disk/task.cjs" << 'END'
const read = (name) => JSON.parse(require("fs").readFileSync(name, "utf8"));
const { command, options } = read(".vscode/tasks.json").tasks.find((one) => one.label === process.argv[2]).windows;
const words = [...options.shell.args, command];
const done = require("child_process").spawnSync(options.shell.executable, words, { windowsVerbatimArguments: true, input: "" });
process.stdout.write(done.stdout);
process.stderr.write(done.stderr);
process.exitCode = done.status;
END
    say "the task before F5, by Wine's cmd.exe and with stand-ins for azup and git"
    says 0 "$none" 'C:\nowhere'
    stand_in "$disk/tracked/git.exe" 0
    stand_in "$disk/untracked/git.exe" 1
    # The project's environment is searched last, and only if no repository brought it.
    stand_in .venv/Scripts/azup.exe 5
    says 0 "$none" 'C:\untracked'
    mkdir -p "$package"
    : > "$package/__main__.py"
    says 5 '.venv\Scripts\azup.exe trust --quiet' 'C:\untracked'
    says 5 '.venv\Scripts\azup.exe trust --quiet' 'C:\nowhere'
    says 0 "$none" 'C:\tracked'
    # Programs in the project's folder are neither git nor azup.
    stand_in git.exe 1
    stand_in azup.exe 9
    says 0 "$none" 'C:\tracked'
    rm git.exe azup.exe
    stand_in "$home/.cargo/bin/azup.exe" 4
    says 4 'C:\users\root\.cargo\bin\azup.exe trust --quiet' 'C:\untracked'
    stand_in "$home/.local/bin/azup.exe" 0
    says 0 'C:\users\root\.local\bin\azup.exe trust --quiet' 'C:\untracked'
    mkdir "$disk/npm"
    printf '@echo npm has it: %%*\r\n@exit /b 6\r\n' > "$disk/npm/azup.cmd"
    says 6 'npm has it: trust --quiet' 'C:\npm'
    stand_in "$disk/tools/azup.exe" 3
    says 3 'C:\tools\azup.exe trust --quiet' 'C:\npm;C:\tools'

    say "the task that installs dependencies, with a stand-in for Python"
    rm -r .venv
    stand_in "$disk/py/python.exe" 0
    task 'C:\py' 'install dependencies' && fail "an environment that is not there installs"
    has "$disk/out" '-m venv --clear .venv'
    stand_in .venv/Scripts/python.exe 3
    task 'C:\py' 'install dependencies' || code=$?
    [ "$code" = 3 ] || fail "the task that installs ended with $code, not 3"
    has "$disk/out" '-m pip install --quiet --timeout 5 --retries 1 -r requirements.txt'
    hasnt "$disk/out" '-m venv'

    say "doctor finds azup where the task does"
    rm -r "$home/.cargo" "$home/.local" .venv
    ok doctor editor-task
    WINEPATH='C:\node' azup doctor editor-task || code=$?
    has "$disk/out" 'does nothing'
}
