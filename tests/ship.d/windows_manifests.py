"""Whether the files for winget and scoop match each other and the archives that they name.

    windows_manifests.py FOLDER VERSION TARGET
"""

import hashlib
import json
import pathlib
import sys
import zipfile

import yaml

folder, version, target = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
archive = folder / f"azurite-up-{version}-{target}.zip"
checksum = hashlib.sha256(archive.read_bytes()).hexdigest()
inside = zipfile.ZipFile(archive).namelist()
address = f"https://example.invalid/owner/azurite-up/releases/download/v{version}/{archive.name}"

manifests = {path.name: yaml.safe_load(path.read_text()) for path in (folder / "manifests/winget").iterdir()}
kinds = {"owner.AzuriteUp.yaml": "version", "owner.AzuriteUp.installer.yaml": "installer",
         "owner.AzuriteUp.locale.en-US.yaml": "defaultLocale"}
assert {name: about["ManifestType"] for name, about in manifests.items()} == kinds, manifests
for about in manifests.values():
    assert about["PackageIdentifier"] == "owner.AzuriteUp" and about["PackageVersion"] == version, about
    assert about["ManifestVersion"] == "1.10.0", about
assert manifests["owner.AzuriteUp.yaml"]["DefaultLocale"] == "en-US"
locale = manifests["owner.AzuriteUp.locale.en-US.yaml"]
assert all(locale[field] for field in ("Publisher", "PackageName", "License", "ShortDescription")), locale
about = manifests["owner.AzuriteUp.installer.yaml"]
assert (about["InstallerType"], about["NestedInstallerType"]) == ("zip", "portable"), about
(installer,) = about["Installers"]
assert installer["Architecture"] == "x64" and installer["InstallerUrl"] == address, installer
assert installer["InstallerSha256"] == checksum.upper(), installer
(nested,) = installer["NestedInstallerFiles"]
assert nested["RelativeFilePath"].replace("\\", "/") in inside, nested
assert nested["PortableCommandAlias"] == "azup", nested

scoop = json.loads((folder / "manifests/scoop/azurite-up.json").read_text())
assert scoop["version"] == version and scoop["license"], scoop
(system,) = scoop["architecture"].items()
assert system == ("64bit", {"url": address, "hash": checksum, "extract_dir": archive.stem}), system
assert f"{archive.stem}/{scoop['bin']}" in inside, scoop["bin"]
