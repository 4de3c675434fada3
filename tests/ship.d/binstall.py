"""Whether the files in [package.metadata.binstall] are those that release/archive packed: the file
at the end of each address, and the program in it. A stand-in for cargo-binstall, which is not run.

    binstall.py ARCHIVES
"""

import pathlib
import re
import sys
import tarfile
import tomllib
import zipfile

folder = pathlib.Path(sys.argv[1])
package = tomllib.loads(pathlib.Path("Cargo.toml").read_text(encoding="utf-8"))["package"]
binstall = package["metadata"]["binstall"]


def rendered(template, target):
    words = {"repo": "https://example.invalid/azurite-up", "name": package["name"], "version": package["version"],
             "target": target, "bin": "azup", "binary-ext": ".exe" if "-windows-" in target else ""}
    return re.sub(r"\{ ([a-z-]+) \}", lambda found: words[found[1]], template)


archives = {line.split("  ")[1] for line in (folder / "SHA256SUMS").read_text().splitlines()}
assert archives, "no archives"
start = f"{package['name']}-{package['version']}-"
for name in archives:
    target = name.removeprefix(start).removesuffix(".tar.gz").removesuffix(".zip")
    about = {**binstall, **binstall.get("overrides", {}).get(target, {})}
    assert rendered(about["pkg-url"], target).endswith(f"/v{package['version']}/{name}"), name
    if about["pkg-fmt"] == "tgz":
        inside = tarfile.open(folder / name, "r:gz").getnames()
    else:
        assert about["pkg-fmt"] == "zip", about
        inside = zipfile.ZipFile(folder / name).namelist()
    assert rendered(about["bin-dir"], target) in inside, (name, inside)
