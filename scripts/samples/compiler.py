"""swiftc as a plain package would call it, for code that isn't ours."""

import glob
import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Compiler:
    """swiftc with the flags that a plain package would give it."""

    def __init__(self, modules, folder):
        build = os.path.dirname(modules)
        scratch = os.path.dirname(os.path.dirname(os.path.realpath(build)))
        maps = glob.glob(f"{build}/*.build/module.modulemap") + glob.glob(f"{ROOT}/Sources/*/module.modulemap")
        maps += glob.glob(f"{scratch}/checkouts/*/Sources/*/include/module.modulemap")
        self.folder = folder
        self.search_paths = ["-I", modules, "-I", folder]
        for path in maps:
            self.search_paths += ["-Xcc", f"-fmodule-map-file={path}"]
        self.command = [os.environ.get("SWIFTC", "swiftc"), "-swift-version", "6", *self.search_paths]

    def run(self, *arguments):
        """Returns what the compiler complains of, or an empty text."""
        done = subprocess.run(
            [*self.command, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stderr + done.stdout if done.returncode else ""
