"""Writes the certificates that the TLS tests with foreign peers use, made anew by openssl.

    python3 certificates.py FOLDER

`ca.pem` signs `server.pem` (localhost, peer, 127.0.0.1, ::1) and `client.pem` (client.test and
spiffe://test/client). `stranger-ca.pem` signs `stranger.pem`, which nobody here trusts. Each has its
key in `NAME-key.pem`.
"""

import os
import subprocess
import sys

SERVER = "DNS:localhost,DNS:peer,IP:127.0.0.1,IP:::1"
CLIENT = "DNS:client.test,URI:spiffe://test/client"


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def authority(folder, name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
            "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign",
            "-keyout", os.path.join(folder, f"{name}-key.pem"), "-out", os.path.join(folder, f"{name}.pem"))


def signed(folder, ca, name, names):
    key, request = os.path.join(folder, f"{name}-key.pem"), os.path.join(folder, f"{name}.csr")
    extensions = os.path.join(folder, f"{name}.ext")
    with open(extensions, "w", encoding="ascii") as file:
        file.write(f"subjectAltName={names}\nextendedKeyUsage=serverAuth,clientAuth\n")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
            "-keyout", key, "-out", request)
    openssl("x509", "-req", "-in", request, "-CA", os.path.join(folder, f"{ca}.pem"),
            "-CAkey", os.path.join(folder, f"{ca}-key.pem"), "-CAcreateserial", "-days", "30",
            "-extfile", extensions, "-out", os.path.join(folder, f"{name}.pem"))
    os.remove(request)
    os.remove(extensions)


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    authority(folder, "ca")
    authority(folder, "stranger-ca")
    signed(folder, "ca", "server", SERVER)
    signed(folder, "ca", "client", CLIENT)
    signed(folder, "stranger-ca", "stranger", CLIENT)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main()
