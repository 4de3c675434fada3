"""The app against the Azurite of the dev container: python -m unittest test_app"""

import contextlib
import io
import os
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import app


class Roundtrip(unittest.TestCase):
    def test_what_is_uploaded_is_listed_and_downloaded(self):
        name = f"{os.urandom(4).hex()}.txt"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_text("stored and read\n")
            self.assertEqual(app.main(["upload", str(path)]), 0)
        self.assertIn(name, self.printed(["list"]).splitlines())
        self.assertEqual(self.printed(["download", name]), "stored and read\n")

    def test_other_words_print_the_usage(self):
        usage = io.StringIO()
        with contextlib.redirect_stderr(usage):
            self.assertEqual(app.main(["delete"]), 2)
        self.assertIn("python app.py upload FILE", usage.getvalue())

    def printed(self, words):
        output = io.TextIOWrapper(io.BytesIO(), write_through=True)
        with mock.patch("sys.stdout", output):
            self.assertEqual(app.main(words), 0)
        return output.buffer.getvalue().decode()
