"""Environment variables with which an unmodified program uses a rig's devices and the recording proxy."""

from __future__ import annotations

import os
import ssl
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from diag.core.errors import BadInputError
from diag.core.keys import KEY_VARIABLES, LOCAL_KEY
from diag.record.audio.ports import Rig

_LOOPBACK = "127.0.0.1,localhost,::1"


def device_environment(rig: Rig) -> dict[str, str]:
    """Return the variables that make a rig's microphone and speaker the default devices.

    Raises
    ------
    BadInputError
        If programs cannot use the rig, because it has no devices.
    """
    if rig.kind == "wire":
        raise BadInputError(
            "Could not run the app",
            seen="`--audio wire`, which has no devices that a program could open",
            allowed="virtual, system",
            next_step="use `--audio virtual`",
        )
    return rig.program_environment


def service_environment(proxy_address: str, ca_file: Path, bundle: Path, *, local: bool) -> dict[str, str]:
    """Return the variables that send the traffic of the usual libraries through the recording proxy.

    Parameters
    ----------
    proxy_address : str
        `host:port` of the proxy.
    ca_file, bundle : Path
        The proxy's certificate, alone and together with those of the system.
    local : bool
        The service is the emulator, which needs no key: the app gets one that is none, and never the user's own.
    """
    base_url, proxy = f"https://{proxy_address}", f"http://{proxy_address}"
    keys = dict.fromkeys(KEY_VARIABLES, LOCAL_KEY) if local else {}
    return {
        "GOOGLE_GEMINI_BASE_URL": base_url,
        "GOOGLE_VERTEX_BASE_URL": base_url,
        "HTTPS_PROXY": proxy,
        "https_proxy": proxy,
        "NO_PROXY": _LOOPBACK,
        "no_proxy": _LOOPBACK,
        "SSL_CERT_FILE": str(bundle),
        "REQUESTS_CA_BUNDLE": str(bundle),
        "NODE_EXTRA_CA_CERTS": str(ca_file),
        # Output must arrive while the program runs, also through a pipe.
        "PYTHONUNBUFFERED": "1",
        **keys,
    }


def app_environment(devices: Mapping[str, str], service: Mapping[str, str]) -> dict[str, str]:
    """Return all variables of an app: those of this process, then devices and service."""
    return {**os.environ, "PATH": search_path(), **devices, **service}


def search_path() -> str:
    """Return where an app's program is looked for: the PATH, and then the folder of the programs of diag's own Python.

    So `python my_client.py` works where there is only `python3`, and with a diag whose environment is not activated.
    """
    return os.pathsep.join([os.environ.get("PATH", os.defpath), sysconfig.get_path("scripts")])


def write_certificates(pem: bytes, path: Path) -> Path:
    """Write the proxy's certificate, and beside it a bundle of it and the system's certificates; return the bundle.

    `SSL_CERT_FILE` replaces the system's certificates, so a client that also talks to other hosts needs the bundle.
    """
    bundle = path.with_name(f"{path.stem}-bundle.pem")
    path.write_bytes(pem)
    bundle.write_bytes(pem + b"\n" + _system_certificates())
    return bundle


def _system_certificates() -> bytes:
    context = ssl.create_default_context()
    return "".join(ssl.DER_cert_to_PEM_cert(item) for item in context.get_ca_certs(binary_form=True)).encode()
