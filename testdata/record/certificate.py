"""A certificate for localhost, from an authority that nobody knows, made when it is needed."""

import pathlib
import subprocess
import tempfile

PEM = "/tmp/wssniff-record.pem"  # the key, the certificate, the authority's


def certify():
    folder = tempfile.TemporaryDirectory()
    at = pathlib.Path(folder.name)
    for number, args in enumerate((
            ["-x509", "-subj", "/CN=wssniff recordings", "-keyout", "ca.key", "-out", "ca.pem"],
            ["-x509", "-CA", "ca.pem", "-CAkey", "ca.key", "-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "cert.pem",
             "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"])):
        subprocess.run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650",
                        "-set_serial", str(number + 1), *args], cwd=at, check=True, stderr=subprocess.DEVNULL)
    pathlib.Path(PEM).write_text("".join((at / name).read_text() for name in ("key.pem", "cert.pem", "ca.pem")))
    folder.cleanup()
